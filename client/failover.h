// Which of several endpoints to talk to: the first that answers, for as long as it does.
//
// Threading: thread-safe. One caller at a time connects, the others wait for what it finds; no lock
// is held meanwhile.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/connection.h"
#include "client/dial.h"
#include "client/result.h"
#include "config/host_port.h"

namespace kvd::client {

struct Endpoint {
  std::string name;  // As it was given.
  config::HostPort at;
};

class Failover {
 public:
  // What is left to a connection that is open but says nothing, while other endpoints may.
  static constexpr Duration kHandshakeLimit = std::chrono::milliseconds(500);

  Failover(std::vector<Endpoint> endpoints, std::shared_ptr<grpc::ChannelCredentials> credentials,
           bool tls);

  // An open connection to an endpoint that is not among `passed_over`; the one in use, if it is
  // still open. Fails with kUnreachable, naming each endpoint and why, when all have failed or at
  // the deadline.
  Result<std::shared_ptr<Connection>> Connect(const std::set<size_t>& passed_over,
                                              Deadline deadline) ABSL_LOCKS_EXCLUDED(mu_);

  // Stops using `broken`, if it is in use.
  void Forget(const std::shared_ptr<Connection>& broken) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Failures = std::map<size_t, std::string>;

  Result<std::shared_ptr<Connection>> Search(std::vector<DialCandidate> candidates,
                                             Deadline deadline) const;
  [[nodiscard]] OpenedChannel Open(const DialOutcome::Connected& at, Deadline deadline) const;
  [[nodiscard]] std::shared_ptr<Connection> MakeConnection(
      size_t endpoint, std::shared_ptr<grpc::Channel> channel) const;
  [[nodiscard]] Error Unreachable(const Failures& failures) const;
  [[nodiscard]] bool IsQuietLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !connecting_; }

  const std::vector<Endpoint> endpoints_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const bool tls_;

  absl::Mutex mu_;
  bool connecting_ ABSL_GUARDED_BY(mu_) = false;  // Somebody is in Search().
  std::shared_ptr<Connection> in_use_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::client
