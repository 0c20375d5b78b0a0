// Sends greetings, one at a time per node: while one is on its way the next is dropped, they
// repeat.
//
// Threading: Greet() on the shard; answers come on gRPC's threads. Channels die on the shard or
// with the greeter.
#pragma once

#include <grpcpp/security/credentials.h>

#include <map>
#include <memory>
#include <string>

#include "server/runtime/runtime.h"
#include "server/topology/founding.h"

namespace kvd::rpc {

class Greeter {
 public:
  Greeter(std::shared_ptr<grpc::ChannelCredentials> credentials, runtime::Runtime& runtime);
  ~Greeter();

  void Greet(const topology::FoundingEffects::Greeting& greeting);

  // Waits for greetings that are on their way. Nothing is greeted afterwards.
  void Stop();

 private:
  struct Call;

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  runtime::Runtime& runtime_;
  std::map<std::string, std::shared_ptr<Call>> calls_;  // The last one per name.
};

}  // namespace kvd::rpc
