// kvd.peer.v1.Peer, the side that is called: greetings, and the links others dial.
//
// Threading: gRPC's threads; Answer() is called by the shard.
#pragma once

#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/rpc/links.h"
#include "server/runtime/runtime.h"
#include "server/topology/founding.h"

namespace kvd::rpc {

class PeerService final : public ::kvd::peer::v1::Peer::CallbackService {
 public:
  PeerService(runtime::Runtime& runtime, Links& links) : runtime_(runtime), links_(links) {}

  grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* context,
                                  const ::kvd::peer::v1::HelloRequest* request,
                                  ::kvd::peer::v1::HelloResponse* response) override;
  grpc::ServerBidiReactor<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>* Link(
      grpc::CallbackServerContext* context) override;

  void Answer(topology::HelloId id, const topology::HelloResponse& response)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Refuses greetings that the node will not answer any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Waiting {
    grpc::ServerUnaryReactor* reactor = nullptr;
    ::kvd::peer::v1::HelloResponse* response = nullptr;
  };

  runtime::Runtime& runtime_;
  Links& links_;
  absl::Mutex mu_;
  std::map<topology::HelloId, Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
