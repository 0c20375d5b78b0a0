#include "client/dial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <deque>
#include <system_error>
#include <utility>

namespace kvd::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How long a name may take to resolve while other endpoints wait for their turn.
constexpr Duration kResolveLimit = std::chrono::milliseconds(500);

std::string ErrnoText(int error) {
  std::string text = std::generic_category().message(error);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// One dialling of several endpoints. Confined to its caller.
class Dialling {
 public:
  Dialling(const std::vector<DialCandidate>& candidates, Deadline deadline)
      : waiting_(candidates.begin(), candidates.end()), deadline_(deadline) {}

  Dialling(const Dialling&) = delete;
  Dialling& operator=(const Dialling&) = delete;

  ~Dialling() {
    for (const Attempt& attempt : attempts_) close(attempt.fd);
  }

  DialOutcome Run() {
    while (!outcome_.connected) {
      if (MayStartAnother()) {
        StartNext();
        continue;
      }
      if (attempts_.empty()) break;  // Nothing under way and nothing left.
      if (SteadyClock::now() >= deadline_) break;
      Wait();
    }
    NameTheSilent();
    return std::move(outcome_);
  }

 private:
  struct Attempt {
    size_t endpoint = 0;
    SocketAddress address;
    int fd = -1;
  };
  struct Start {
    size_t endpoint = 0;
    SocketAddress address;
  };

  [[nodiscard]] bool MayStartAnother() const {
    if (addresses_.empty() && waiting_.empty()) return false;
    const auto now = SteadyClock::now();
    if (now >= deadline_) return false;
    return attempts_.empty() || now >= next_start_;
  }

  void StartNext() {
    if (addresses_.empty()) return ResolveNext();
    const Start start = addresses_.front();
    addresses_.pop_front();
    next_start_ = SteadyClock::now() + kHeadStart;

    const int fd = socket(start.address.storage.ss_family,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);  // NOLINT
    if (fd < 0) return Fail(start.endpoint, ErrnoText(errno));
    const auto* address = reinterpret_cast<const sockaddr*>(&start.address.storage);
    const int rc = connect(fd, address, start.address.length);
    if (rc == 0 || errno == EINPROGRESS) {
      attempts_.push_back({start.endpoint, start.address, fd});
      return;
    }
    Fail(start.endpoint, ErrnoText(errno));
    close(fd);
  }

  void ResolveNext() {
    const DialCandidate candidate = waiting_.front();
    waiting_.pop_front();
    const bool alone = waiting_.empty() && attempts_.empty();
    const Deadline limit =
        alone ? deadline_ : std::min(deadline_, SteadyClock::now() + kResolveLimit);
    const auto addresses = Resolve(candidate.at, limit);
    if (!addresses.ok()) return Fail(candidate.endpoint, Message(addresses.status()));
    for (const SocketAddress& address : *addresses) {
      addresses_.push_back({candidate.endpoint, address});
    }
  }

  // Until an attempt is decided, another may start, or the deadline.
  void Wait() {
    std::vector<pollfd> fds;
    for (const Attempt& attempt : attempts_) fds.push_back({attempt.fd, POLLOUT, 0});
    const int ready = poll(fds.data(), fds.size(), PollTimeout());
    if (ready <= 0) return;

    std::vector<Attempt> undecided;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0 || outcome_.connected) {
        undecided.push_back(attempts_[i]);
      } else {
        Decide(attempts_[i]);
      }
    }
    attempts_ = std::move(undecided);
  }

  [[nodiscard]] int PollTimeout() const {
    const bool more = !addresses_.empty() || !waiting_.empty();
    const Deadline until = more ? std::min(deadline_, next_start_) : deadline_;
    if (until == Deadline::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
  }

  void Decide(const Attempt& attempt) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(attempt.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    close(attempt.fd);
    if (error != 0) return Fail(attempt.endpoint, ErrnoText(error));
    outcome_.connected = {attempt.endpoint, attempt.address.GrpcTarget()};
  }

  void Fail(size_t endpoint, std::string why) { outcome_.failures[endpoint] = std::move(why); }

  void NameTheSilent() {
    for (const Attempt& attempt : attempts_) outcome_.failures[attempt.endpoint] = "no answer";
    for (const Start& start : addresses_)
      outcome_.failures.try_emplace(start.endpoint, "no answer");
    if (outcome_.connected) {
      outcome_.failures.erase(outcome_.connected->endpoint);
      return;  // The others were not asked.
    }
    for (const DialCandidate& candidate : waiting_) {
      outcome_.failures.try_emplace(candidate.endpoint, "not tried, out of time");
    }
  }

  std::deque<DialCandidate> waiting_;  // Not resolved yet.
  std::deque<Start> addresses_;        // Of the endpoint whose turn it is.
  std::vector<Attempt> attempts_;      // Connecting.
  Deadline next_start_{};
  const Deadline deadline_;
  DialOutcome outcome_;
};

}  // namespace

DialOutcome DialFirst(const std::vector<DialCandidate>& candidates, Deadline deadline) {
  return Dialling(candidates, deadline).Run();
}

}  // namespace kvd::client
