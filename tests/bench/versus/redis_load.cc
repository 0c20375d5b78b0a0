#include "tests/bench/versus/redis_load.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>

#include "common/check.h"
#include "tests/bench/versus/redis_server.h"

namespace kvd::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Tally {
  std::vector<double> latencies_ms{};
  uint64_t failed = 0;
  std::string first_failure{};
};

// One connection: a batch is outstanding, or nothing.
class Caller {
 public:
  Caller(const RedisLoad& load, const RedisKeys& server, size_t first)
      : load_(load), server_(server), next_(first), connection_(ConnectRedis(server.port)) {
    KVD_CHECK(connection_ != nullptr, "connect to Redis");
  }

  [[nodiscard]] int fd() const { return connection_->fd; }

  void Ask() {
    static const std::string value(kValueBytes, 'v');
    missing_ = load_.pipeline + (load_.waits ? 1 : 0);
    failure_.clear();
    asked_at_ = Clock::now();
    for (int i = 0; i < load_.pipeline; ++i) {
      const std::string& key = server_.keys[next_++ % server_.keys.size()];
      if (load_.operation == Operation::kPut) {
        redisAppendCommand(connection_.get(), "SET %b %b", key.data(), key.size(), value.data(),
                           value.size());
      } else {
        redisAppendCommand(connection_.get(), "GET %b", key.data(), key.size());
      }
    }
    if (load_.waits) redisAppendCommand(connection_.get(), "WAIT 1 5000");
    int done = 0;
    while (done == 0 && redisBufferWrite(connection_.get(), &done) == REDIS_OK) {
    }
  }

  // Takes what has arrived. True: the batch is answered.
  [[nodiscard]] bool Read() {
    KVD_CHECK(redisBufferRead(connection_.get()) == REDIS_OK, connection_->errstr);
    while (missing_ > 0) {
      void* reply = nullptr;
      KVD_CHECK(redisGetReplyFromReader(connection_.get(), &reply) == REDIS_OK,
                connection_->errstr);
      if (reply == nullptr) return false;
      --missing_;
      Judge(*RedisReply(static_cast<redisReply*>(reply)));
    }
    return true;
  }

  void AddTo(Tally& tally) const {
    if (failure_.empty()) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - asked_at_;
      tally.latencies_ms.insert(tally.latencies_ms.end(), static_cast<size_t>(load_.pipeline),
                                took.count());
    } else if (tally.failed++ == 0) {
      tally.first_failure = failure_;
    }
  }

 private:
  void Judge(const redisReply& reply) {
    const bool confirms = load_.waits && missing_ == 0;
    if (reply.type == REDIS_REPLY_ERROR) {
      failure_ = fmt::format("Redis at port {}: {}", server_.port, reply.str);
    } else if (confirms && (reply.type != REDIS_REPLY_INTEGER || reply.integer < 1)) {
      failure_ = "no follower confirmed the writes within 5 s";
    } else if (!confirms && load_.operation == Operation::kGet &&
               (reply.type != REDIS_REPLY_STRING || reply.len != kValueBytes)) {
      failure_ = "a key that was written has no value";
    }
  }

  const RedisLoad& load_;
  const RedisKeys& server_;
  size_t next_;
  RedisConnection connection_;
  int missing_ = 0;
  std::string failure_;
  Clock::time_point asked_at_;
};

void RunCallers(std::vector<Caller>& callers, Clock::time_point end, Tally& tally) {
  std::vector<pollfd> sockets;
  for (Caller& caller : callers) {
    caller.Ask();
    sockets.push_back({.fd = caller.fd(), .events = POLLIN, .revents = 0});
  }
  constexpr int kPatienceMs = 10'000;
  for (size_t outstanding = callers.size(); outstanding > 0;) {
    KVD_CHECK(poll(sockets.data(), sockets.size(), kPatienceMs) > 0, "Redis answers within 10 s");
    for (size_t i = 0; i < callers.size(); ++i) {
      if (sockets[i].revents == 0 || !callers[i].Read()) continue;
      callers[i].AddTo(tally);
      if (Clock::now() < end) {
        callers[i].Ask();
      } else {
        sockets[i].fd = -1;
        --outstanding;
      }
    }
  }
}

}  // namespace

LoadResult RunRedisLoad(const RedisLoad& load, const std::vector<RedisKeys>& servers) {
  std::vector<Caller> callers;
  for (size_t i = 0; i < static_cast<size_t>(load.connections); ++i) {
    callers.emplace_back(load, servers[i % servers.size()], i * 7919);
  }
  Tally tally;
  RunCallers(callers,
             Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(load.seconds)),
             tally);
  LoadResult result = Summarise(std::move(tally.latencies_ms), load.seconds);
  result.failed = tally.failed;
  result.first_failure = std::move(tally.first_failure);
  return result;
}

}  // namespace kvd::bench
