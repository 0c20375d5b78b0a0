// Sends greetings, one at a time per node: while one is on its way the next is dropped, they
// repeat. An address where somebody else answers than a node's port for nodes is reported as a
// refusal.
//
// Threading: thread-safe; answers come on the event loop.
#pragma once

#include <grpcpp/security/credentials.h>

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/rpc/event_loop.h"
#include "server/runtime/runtime.h"
#include "server/topology/founding.h"

namespace kvd::rpc {

class Greeter {
 public:
  Greeter(std::shared_ptr<grpc::ChannelCredentials> credentials, EventLoop& loop,
          runtime::Runtime& runtime);
  ~Greeter();

  void Greet(const topology::FoundingEffects::Greeting& greeting) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits for greetings that are on their way. Nothing is greeted afterwards.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Call;

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  EventLoop& loop_;
  runtime::Runtime& runtime_;
  absl::Mutex mu_;
  std::map<std::string, std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mu_);  // The last per name.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
