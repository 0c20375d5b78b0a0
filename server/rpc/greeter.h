// Sends greetings, one at a time per node: while one is on its way the next is dropped, they
// repeat.
//
// Threading: Greet() on one of our own threads, never on gRPC's, on which no channel may die;
// answers come on gRPC's threads. Channels die in the next Greet() or with the greeter.
#pragma once

#include <grpcpp/security/credentials.h>

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/runtime.h"
#include "server/topology/founding.h"

namespace kvd::rpc {

class Greeter {
 public:
  Greeter(std::shared_ptr<grpc::ChannelCredentials> credentials, runtime::Runtime& runtime);
  ~Greeter();

  void Greet(const topology::FoundingEffects::Greeting& greeting) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits for greetings that are on their way. Nothing is greeted afterwards.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Call;

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  runtime::Runtime& runtime_;
  absl::Mutex mu_;
  std::map<std::string, std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mu_);  // The last per name.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
