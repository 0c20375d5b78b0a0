// The data path: kvd.v1.KV.
//
// Threading: the assembler's.
#pragma once

#include "kvd/v1/kv.grpc.pb.h"
#include "server/rpc/calls.h"
#include "server/rpc/event_loop.h"

namespace kvd::rpc {

class KvService {
 public:
  KvService(EventLoop& loop, Calls& calls) : loop_(loop), calls_(calls) {}

  // To be registered with the server.
  [[nodiscard]] ::kvd::v1::KV::AsyncService& service() { return service_; }

  // After the server started.
  void Start();

 private:
  EventLoop& loop_;
  Calls& calls_;
  ::kvd::v1::KV::AsyncService service_;
};

}  // namespace kvd::rpc
