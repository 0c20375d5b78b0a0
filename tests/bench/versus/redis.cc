#include "tests/bench/versus/redis.h"

#include <fmt/format.h>

#include "tests/bench/versus/redis_load.h"
#include "tests/support/eventually.h"

namespace kvd::bench {
namespace {

constexpr size_t kNodes = 3;

}  // namespace

RedisTrio::RedisTrio() {
  for (size_t node = 0; node < kNodes; ++node) {
    std::vector<std::string> role;
    if (node > 0) role = {"--replicaof", "127.0.0.1", std::to_string(servers_[0]->port())};
    servers_.push_back(
        std::make_unique<RedisServer>(folder_.path(), fmt::format("r{}", node), role));
  }
}

bool RedisTrio::AwaitReady() const {
  return testing::Eventually([this] {
    const RedisConnection connection = ConnectRedis(servers_[0]->port());
    if (connection == nullptr) return false;
    redisAppendCommand(connection.get(), "SET ready yes");
    redisAppendCommand(connection.get(), "WAIT 2 1000");
    if (NextReply(*connection) == nullptr) return false;
    const RedisReply followers = NextReply(*connection);
    return followers != nullptr && followers->type == REDIS_REPLY_INTEGER &&
           followers->integer == kNodes - 1;
  });
}

LoadResult RedisTrio::RunWaitedPuts(double seconds) const {
  RedisKeys all{.port = servers_[0]->port()};
  for (int i = 0; i < kKeys; ++i) all.keys.push_back(KeyOf(i));
  return RunRedisLoad({.operation = Operation::kPut, .waits = true, .seconds = seconds}, {all});
}

}  // namespace kvd::bench
