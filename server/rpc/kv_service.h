// The data path: kvd.v1.KV.
//
// Threading: the assembler's.
#pragma once

#include "kvd/v1/kv.grpc.pb.h"
#include "server/rpc/calls.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/pipeline_call.h"

namespace kvd::rpc {

class KvService {
 public:
  KvService(EventLoop& loop, Calls& calls) : loop_(loop), calls_(calls) {}

  // To be registered with the server.
  [[nodiscard]] ::kvd::v1::KV::AsyncService& service() { return service_; }

  // After the server started.
  void Start();

  // Ends the streams, when what is underway on them is answered.
  void Stop();

 private:
  EventLoop& loop_;
  Calls& calls_;
  Pipelines pipelines_{.loop = loop_, .calls = calls_};
  ::kvd::v1::KV::AsyncService service_;
};

}  // namespace kvd::rpc
