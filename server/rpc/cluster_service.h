// kvd.v1.Cluster: what this node sees of the cluster. Each call posts a question to the node and is
// finished by the shard.
//
// Threading: Start() is the assembler's.
#pragma once

#include "kvd/v1/cluster.grpc.pb.h"
#include "server/rpc/event_loop.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class ClusterService {
 public:
  ClusterService(EventLoop& loop, runtime::Runtime& runtime) : loop_(loop), runtime_(runtime) {}

  // To be registered with the server.
  [[nodiscard]] ::kvd::v1::Cluster::AsyncService& service() { return service_; }

  // After the server started.
  void Start();

 private:
  EventLoop& loop_;
  runtime::Runtime& runtime_;
  ::kvd::v1::Cluster::AsyncService service_;
};

}  // namespace kvd::rpc
