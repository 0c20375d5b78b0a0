// kvd.peer.v1.Peer, the side that is called: greetings, and the links others dial.
//
// Threading: Answer() is called by the shard; Start() and Stop() by the assembler.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/links.h"
#include "server/runtime/runtime.h"
#include "server/topology/founding.h"

namespace kvd::rpc {

class PeerService {
 public:
  PeerService(EventLoop& loop, runtime::Runtime& runtime, Links& links)
      : loop_(loop), runtime_(runtime), links_(links) {}

  // Before the server is built, and after it started.
  void Register(grpc::ServerBuilder& builder);
  void Start();

  void Answer(topology::HelloId id, const topology::HelloResponse& response)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Refuses greetings that the node will not answer any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class HelloCall;
  class LinkCall;
  class UnknownCall;

  // Has the node answer a greeting.
  void Ask(HelloCall& call) ABSL_LOCKS_EXCLUDED(mu_);

  EventLoop& loop_;
  runtime::Runtime& runtime_;
  Links& links_;
  ::kvd::peer::v1::Peer::AsyncService service_;
  grpc::AsyncGenericService unknown_;
  absl::Mutex mu_;
  std::map<topology::HelloId, HelloCall*> waiting_ ABSL_GUARDED_BY(mu_);
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
