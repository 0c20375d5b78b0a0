// Changes of the cluster: kvd.v1.Admin.
//
// Threading: the assembler's.
#pragma once

#include "kvd/v1/admin.grpc.pb.h"
#include "server/rpc/calls.h"
#include "server/rpc/event_loop.h"

namespace kvd::rpc {

class AdminService {
 public:
  AdminService(EventLoop& loop, Calls& calls) : loop_(loop), calls_(calls) {}

  // To be registered with the server.
  [[nodiscard]] ::kvd::v1::Admin::AsyncService& service() { return service_; }

  // After the server started.
  void Start();

 private:
  EventLoop& loop_;
  Calls& calls_;
  ::kvd::v1::Admin::AsyncService service_;
};

}  // namespace kvd::rpc
