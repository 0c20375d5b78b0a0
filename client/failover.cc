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
  std::shared_ptr<Connection> broken;
  while (true) {
    std::shared_ptr<Connection> found;
    {
      const absl::MutexLock lock(&mu_);
      const auto quiet = absl::Condition(this, &Failover::IsQuietLocked);
      if (!mu_.AwaitWithTimeout(quiet, Left(deadline))) return Unreachable({});
      found = in_use_;
      if (found == nullptr || found == broken) {
        connecting_ = true;
        break;
      }
    }
    if (!passed_over.contains(found->endpoint) && found->IsReady()) return found;
    broken = std::move(found);  // Another caller may have replaced it by now: look again.
  }

  std::vector<DialCandidate> candidates;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (!passed_over.contains(i)) candidates.push_back({i, endpoints_[i].at});
  }
  auto searched = Search(std::move(candidates), deadline);

  const absl::MutexLock lock(&mu_);
  connecting_ = false;
  if (searched.ok()) in_use_ = *searched;
  return searched;
}

void Failover::Forget(const std::shared_ptr<Connection>& broken) {
  std::shared_ptr<Connection> last;  // Destroyed after the lock is released.
  const absl::MutexLock lock(&mu_);
  if (in_use_ == broken) last = std::exchange(in_use_, nullptr);
}

Result<std::shared_ptr<Connection>> Failover::Search(std::vector<DialCandidate> candidates,
                                                     Deadline deadline) const {
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
      if (opened.channel != nullptr) return MakeConnection(endpoint, std::move(opened.channel));
      failures[endpoint] = opened.why;
      if (opened.timed_out && limit < deadline) slow.push_back({endpoint, endpoints_[endpoint].at});
      Erase(candidates, endpoint);
    }
    if (!candidates.empty() || slow.empty() || SteadyClock::now() >= deadline) continue;
    candidates = {slow.front()};
    slow.erase(slow.begin());
  }
  return Unreachable(failures);
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
