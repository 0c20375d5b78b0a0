#include "tests/bench/versus/redis.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <chrono>
#include <string_view>

#include "common/check.h"
#include "tests/support/eventually.h"

namespace kvd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kNodes = 3;

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Connection = std::unique_ptr<redisContext, FreeContext>;

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

Connection Connect(const testing::ReservedPort& port) {
  Connection connection(redisConnect("127.0.0.1", port.port()));
  if (connection == nullptr || connection->err != 0) return nullptr;
  return connection;
}

Reply Next(redisContext& connection) {
  void* reply = nullptr;
  if (redisGetReply(&connection, &reply) != REDIS_OK) return nullptr;
  return Reply(static_cast<redisReply*>(reply));
}

// One connection: so many SETs and a WAIT are outstanding, or nothing.
class Writer {
 public:
  Writer(Connection connection, int pipeline, int64_t first)
      : connection_(std::move(connection)), pipeline_(pipeline), next_(first) {}

  void Ask() {
    static const std::string value(kValueBytes, 'v');
    asked_at_ = Clock::now();
    for (int i = 0; i < pipeline_; ++i) {
      const std::string key = KeyOf(next_++);
      redisAppendCommand(connection_.get(), "SET %b %b", key.data(), key.size(), value.data(),
                         value.size());
    }
    redisAppendCommand(connection_.get(), "WAIT 1 5000");
    int done = 0;
    while (done == 0 && redisBufferWrite(connection_.get(), &done) == REDIS_OK) {
    }
  }

  // Waits for the answers. False: one of them says that it was not done.
  [[nodiscard]] bool Answered(std::vector<double>& latencies_ms) {
    bool is_done = true;
    for (int i = 0; i < pipeline_; ++i) {
      const Reply reply = Next(*connection_);
      is_done = is_done && reply != nullptr && reply->type == REDIS_REPLY_STATUS;
    }
    const Reply followers = Next(*connection_);
    is_done = is_done && followers != nullptr && followers->type == REDIS_REPLY_INTEGER &&
              followers->integer >= 1;
    if (!is_done) return false;
    const double took = std::chrono::duration<double, std::milli>(Clock::now() - asked_at_).count();
    latencies_ms.insert(latencies_ms.end(), static_cast<size_t>(pipeline_), took);
    return true;
  }

 private:
  Connection connection_;
  const int pipeline_;
  int64_t next_;
  Clock::time_point asked_at_;
};

}  // namespace

RedisTrio::RedisTrio() : nodes_(kNodes) {
  for (size_t node = 0; node < nodes_.size(); ++node) Start(node);
}

void RedisTrio::Start(size_t number) {
  const std::string dir = fmt::format("{}/r{}", folder_.path().string(), number);
  std::filesystem::create_directories(dir);
  Node& node = nodes_[number];
  std::vector<std::string> command = {"redis-server",
                                      "--port",
                                      std::to_string(node.port.port()),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      dir,
                                      "--appendonly",
                                      "yes",
                                      "--appendfsync",
                                      "always",
                                      "--save",
                                      ""};
  if (number > 0) {
    command.insert(command.end(),
                   {"--replicaof", "127.0.0.1", std::to_string(nodes_[0].port.port())});
  }
  node.process = std::make_unique<testing::Process>(testing::Process::Options{
      .command = std::move(command),
      .log_file = fmt::format("{}/r{}.log", folder_.path().string(), number)});
}

bool RedisTrio::AwaitReady() const {
  return testing::Eventually([this] {
    const Connection connection = Connect(nodes_[0].port);
    if (connection == nullptr) return false;
    redisAppendCommand(connection.get(), "SET ready yes");
    redisAppendCommand(connection.get(), "WAIT 2 1000");
    if (Next(*connection) == nullptr) return false;
    const Reply followers = Next(*connection);
    return followers != nullptr && followers->type == REDIS_REPLY_INTEGER &&
           followers->integer == kNodes - 1;
  });
}

LoadResult RedisTrio::RunWaitedPuts(int connections, int pipeline, double seconds) const {
  std::vector<Writer> writers;
  for (int i = 0; i < connections; ++i) {
    Connection connection = Connect(nodes_[0].port);
    KVD_CHECK(connection != nullptr, "connect to Redis");
    writers.emplace_back(std::move(connection), pipeline, i * 7919);
    writers.back().Ask();
  }
  std::vector<double> latencies_ms;
  uint64_t failed = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    for (Writer& writer : writers) {
      if (!writer.Answered(latencies_ms)) ++failed;
      writer.Ask();
    }
  }
  LoadResult result = Summarise(std::move(latencies_ms), seconds);
  result.failed = failed;
  if (failed > 0) result.first_failure = "a write was not confirmed";
  return result;
}

std::vector<pid_t> RedisTrio::pids() const {
  std::vector<pid_t> pids;
  for (const Node& node : nodes_) pids.push_back(node.process->pid());
  return pids;
}

}  // namespace kvd::bench
