#include "client/failover.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/time.h"

namespace kvd::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

absl::Duration Left(Deadline deadline) {
  if (deadline == Deadline::max()) return absl::InfiniteDuration();
  return absl::FromChrono(deadline - SteadyClock::now());
}

void Erase(std::vector<DialCandidate>& candidates, size_t endpoint) {
  std::erase_if(candidates, [&](const DialCandidate& c) { return c.endpoint == endpoint; });
}

}  // namespace

Failover::Failover(std::vector<Endpoint> endpoints,
                   std::shared_ptr<grpc::ChannelCredentials> credentials, bool tls)
    : endpoints_(std::move(endpoints)), credentials_(std::move(credentials)), tls_(tls) {}

Result<std::shared_ptr<Connection>> Failover::Connect(const std::set<size_t>& passed_over,
                                                      Deadline deadline) {
  std::vector<DialCandidate> candidates;
  while (true) {
    if (auto open = FindOpen(passed_over)) return open;
    const absl::MutexLock lock(&mu_);
    const bool was_quiet = IsQuietLocked();
    const auto quiet = absl::Condition(this, &Failover::IsQuietLocked);
    if (!mu_.AwaitWithTimeout(quiet, Left(deadline))) return Unreachable({});
    if (!was_quiet) continue;  // Somebody has been connecting: look at what was found.
    candidates = CandidatesLocked(passed_over);
    if (candidates.empty()) return Unreachable({});
    if (!open_.empty()) deadline = std::min(deadline, SteadyClock::now() + kSpareSearchLimit);
    connecting_ = true;
    break;
  }

  const Found found = Search(std::move(candidates), deadline);

  const absl::MutexLock lock(&mu_);
  connecting_ = false;
  for (const auto& [endpoint, why] : found.failures) {
    left_alone_until_[endpoint] = SteadyClock::now() + kLeftAlone;
  }
  if (found.connection == nullptr) return Unreachable(found.failures);
  has_connected_ = true;
  left_alone_until_.erase(found.connection->endpoint);
  open_.insert(open_.begin(), found.connection);
  return found.connection;
}

std::shared_ptr<Connection> Failover::FindOpen(const std::set<size_t>& passed_over) {
  std::vector<std::shared_ptr<Connection>> open;
  {
    const absl::MutexLock lock(&mu_);
    open = open_;
  }
  for (const auto& connection : open) {
    if (!connection->IsReady()) {
      Forget(connection);
      continue;
    }
    if (passed_over.contains(connection->endpoint)) continue;
    if (connection == open.front()) return connection;
    const absl::MutexLock lock(&mu_);
    const auto at = std::ranges::find(open_, connection);
    if (at != open_.end()) std::rotate(open_.begin(), at, at + 1);
    return connection;
  }
  return nullptr;
}

std::vector<DialCandidate> Failover::CandidatesLocked(const std::set<size_t>& passed_over) const {
  std::vector<DialCandidate> candidates;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (passed_over.contains(i)) continue;
    const auto left_alone = left_alone_until_.find(i);
    const bool leave_alone =
        left_alone != left_alone_until_.end() && SteadyClock::now() < left_alone->second;
    if (leave_alone && !open_.empty()) continue;
    candidates.push_back({i, endpoints_[i].at});
  }
  return candidates;
}

void Failover::Forget(const std::shared_ptr<Connection>& broken) {
  const absl::MutexLock lock(&mu_);
  std::erase(open_, broken);  // The caller's is not the last reference.
}

bool Failover::has_connected() const {
  const absl::MutexLock lock(&mu_);
  return has_connected_;
}

Failover::Found Failover::Search(std::vector<DialCandidate> candidates, Deadline deadline) const {
  Failures failures;
  std::vector<DialCandidate> slow;  // Cut short in favour of the others: asked again last.
  while (!candidates.empty()) {
    const DialOutcome dialled = DialFirst(candidates, deadline);
    for (const auto& [endpoint, why] : dialled.failures) failures[endpoint] = why;
    if (!dialled.connected) {
      candidates.clear();
    } else {
      const size_t endpoint = dialled.connected->endpoint;
      failures.erase(endpoint);
      const bool alone = candidates.size() == 1 && slow.empty();
      const Deadline limit =
          alone ? deadline : std::min(deadline, SteadyClock::now() + kHandshakeLimit);
      OpenedChannel opened = Open(*dialled.connected, limit);
      if (opened.channel != nullptr) {
        return {MakeConnection(endpoint, std::move(opened.channel)), std::move(failures)};
      }
      failures[endpoint] = opened.timed_out ? opened.why : WhyClosed(endpoint, opened.why, limit);
      if (opened.timed_out && limit < deadline) slow.push_back({endpoint, endpoints_[endpoint].at});
      Erase(candidates, endpoint);
    }
    if (!candidates.empty() || slow.empty() || SteadyClock::now() >= deadline) continue;
    candidates = {slow.front()};
    slow.erase(slow.begin());
  }
  return {nullptr, std::move(failures)};
}

// A node that died in between closes connections as one does that wants TLS; but it can no longer
// be dialled.
std::string Failover::WhyClosed(size_t endpoint, std::string why, Deadline deadline) const {
  DialOutcome again = DialFirst({{endpoint, endpoints_[endpoint].at}}, deadline);
  return again.connected ? std::move(why) : std::move(again.failures[endpoint]);
}

OpenedChannel Failover::Open(const DialOutcome::Connected& at, Deadline deadline) const {
  return OpenChannel({.target = at.target,
                      .authority = endpoints_[at.endpoint].at.ToString(),
                      .credentials = credentials_,
                      .tls = tls_},
                     deadline);
}

std::shared_ptr<Connection> Failover::MakeConnection(size_t endpoint,
                                                     std::shared_ptr<grpc::Channel> channel) const {
  auto connection = std::make_shared<Connection>();
  connection->endpoint = endpoint;
  connection->name = endpoints_[endpoint].name;
  connection->kv = v1::KV::NewStub(channel);
  connection->cluster = v1::Cluster::NewStub(channel);
  connection->admin = v1::Admin::NewStub(channel);
  connection->channel = std::move(channel);
  return connection;
}

Error Failover::Unreachable(const Failures& failures) const {
  std::string whys;
  for (const auto& [endpoint, why] : failures) {
    whys += fmt::format("{}{} {}", whys.empty() ? "" : ", ", endpoints_[endpoint].name, why);
  }
  if (whys.empty()) whys = "out of time";
  return {.kind = ErrorKind::kUnreachable, .message = "no endpoint answered: " + whys};
}

}  // namespace kvd::client
