// kvd.v1.Cluster: what this node sees of the cluster. Each call posts a question to the node and is
// finished by the shard.
//
// Threading: gRPC's threads.
#pragma once

#include <string>

#include "common/uuid.h"
#include "kvd/v1/cluster.grpc.pb.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class ClusterService final : public ::kvd::v1::Cluster::CallbackService {
 public:
  explicit ClusterService(runtime::Runtime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* context,
                                 const ::kvd::v1::PingRequest* request,
                                 ::kvd::v1::PingResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const ::kvd::v1::GetStatusRequest* request,
                                      ::kvd::v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* GetRing(grpc::CallbackServerContext* context,
                                    const ::kvd::v1::GetRingRequest* request,
                                    ::kvd::v1::GetRingResponse* response) override;

 private:
  runtime::Runtime& runtime_;
};

}  // namespace kvd::rpc
