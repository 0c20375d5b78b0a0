// Which of several endpoints to talk to: the first that answers, for as long as it does.
// Connections stay open, one per endpoint, so that a caller that is refused at one can try another
// at once.
//
// Threading: thread-safe. One caller at a time connects; others that need a new connection wait for
// what it finds. No lock is held meanwhile.
#pragma once

#include <map>
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

  // While another endpoint is connected: how long to look for one more, and how long to leave one
  // alone after it could not be reached.
  static constexpr Duration kSpareSearchLimit = std::chrono::milliseconds(200);
  static constexpr Duration kLeftAlone = std::chrono::milliseconds(500);

  Failover(std::vector<Endpoint> endpoints, std::shared_ptr<grpc::ChannelCredentials> credentials,
           bool tls);

  // An open connection to an endpoint that is not among `passed_over`: the one in use, if it is
  // still open, else any, else a new one. It is in use from then on. Fails with kUnreachable,
  // naming each endpoint asked and why, when there is none, all have failed, or at the deadline.
  Result<std::shared_ptr<Connection>> Connect(const std::set<size_t>& passed_over,
                                              Deadline deadline) ABSL_LOCKS_EXCLUDED(mu_);

  // Stops using `broken`.
  void Forget(const std::shared_ptr<Connection>& broken) ABSL_LOCKS_EXCLUDED(mu_);

  // Some endpoint has been connected to, at some time.
  [[nodiscard]] bool has_connected() const ABSL_LOCKS_EXCLUDED(mu_);

  [[nodiscard]] size_t size() const { return endpoints_.size(); }

 private:
  using Failures = std::map<size_t, std::string>;
  struct Found {
    std::shared_ptr<Connection> connection;  // Null: every candidate is among the failures.
    Failures failures;
  };

  std::shared_ptr<Connection> FindOpen(const std::set<size_t>& passed_over)
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] std::vector<DialCandidate> CandidatesLocked(
      const std::set<size_t>& passed_over) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Found Search(std::vector<DialCandidate> candidates, Deadline deadline) const;
  [[nodiscard]] OpenedChannel Open(const DialOutcome::Connected& at, Deadline deadline) const;
  [[nodiscard]] std::string WhyClosed(size_t endpoint, std::string why, Deadline deadline) const;
  [[nodiscard]] std::shared_ptr<Connection> MakeConnection(
      size_t endpoint, std::shared_ptr<grpc::Channel> channel) const;
  [[nodiscard]] Error Unreachable(const Failures& failures) const;
  [[nodiscard]] bool IsQuietLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !connecting_; }

  const std::vector<Endpoint> endpoints_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const bool tls_;

  mutable absl::Mutex mu_;
  bool connecting_ ABSL_GUARDED_BY(mu_) = false;  // Somebody is in Search().
  bool has_connected_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::shared_ptr<Connection>> open_ ABSL_GUARDED_BY(mu_);  // The one in use first.
  std::map<size_t, Deadline> left_alone_until_ ABSL_GUARDED_BY(mu_);    // By endpoint.
};

}  // namespace kvd::client
