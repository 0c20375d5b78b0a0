#include "tests/bench/versus/redis_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/check.h"
#include "tests/support/eventually.h"

namespace kvd::bench {
namespace {

constexpr size_t kMasters = 3;
constexpr size_t kNodes = 6;

// The text of an answer; empty if there is none.
std::string_view TextOf(const RedisReply& reply) {
  if (reply == nullptr || reply->str == nullptr) return {};
  return {reply->str, static_cast<size_t>(reply->len)};
}

bool Says(const RedisServer& server, const std::string& command, std::string_view what) {
  return TextOf(server.Ask(command)).find(what) != std::string_view::npos;
}

// A line of CLUSTER SLOTS: the slots from the first to the last are this master's.
struct SlotRange {
  int64_t first = 0;
  int64_t last = 0;
  size_t master = 0;
};

}  // namespace

RedisCluster::RedisCluster() {
  for (size_t node = 0; node < kNodes; ++node) {
    const std::string bus_port = std::to_string(bus_ports_.emplace_back().port());
    servers_.push_back(std::make_unique<RedisServer>(
        folder_.path(), fmt::format("c{}", node),
        std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port", bus_port}));
  }
}

bool RedisCluster::AwaitReady() {
  const auto answers = [](const auto& server) { return Says(*server, "PING", "PONG"); };
  if (!testing::Eventually([&] { return std::ranges::all_of(servers_, answers); })) return false;
  if (!Found() || !testing::Eventually([this] { return IsServed(); })) return false;
  LearnKeys();
  return true;
}

bool RedisCluster::Found() const {
  std::vector<std::string> command = {"redis-cli", "--cluster", "create"};
  for (size_t node = 0; node < kNodes; ++node) {
    command.push_back(
        fmt::format("127.0.0.1:{}@{}", servers_[node]->port(), bus_ports_[node].port()));
  }
  command.insert(command.end(), {"--cluster-replicas", "1", "--cluster-yes"});
  const testing::Finished finished = testing::RunToEnd({.command = command});
  if (finished.code != 0) fmt::print(stderr, "redis-cli: {}{}\n", finished.out, finished.err);
  return finished.code == 0;
}

bool RedisCluster::IsServed() const {
  return std::ranges::all_of(servers_, [](const auto& server) {
    return Says(*server, "CLUSTER INFO", "cluster_state:ok") &&
           (Says(*server, "INFO replication", "state=online") ||
            Says(*server, "INFO replication", "master_link_status:up"));
  });
}

void RedisCluster::LearnKeys() {
  const RedisReply slots = servers_[0]->Ask("CLUSTER SLOTS");
  KVD_CHECK(slots != nullptr && slots->elements == kMasters, "each master has a range of slots");
  std::vector<SlotRange> ranges;
  for (size_t i = 0; i < slots->elements; ++i) {
    redisReply** const range = slots->element[i]->element;
    const redisReply& master = *range[2];
    masters_.push_back({.port = static_cast<uint16_t>(master.element[1]->integer)});
    ranges.push_back({.first = range[0]->integer, .last = range[1]->integer, .master = i});
  }
  const RedisConnection connection = ConnectRedis(servers_[0]->port());
  KVD_CHECK(connection != nullptr, "connect to Redis");
  for (int i = 0; i < kKeys; ++i) {
    redisAppendCommand(connection.get(), "CLUSTER KEYSLOT %s", KeyOf(i).c_str());
  }
  for (int i = 0; i < kKeys; ++i) {
    const RedisReply slot = NextReply(*connection);
    KVD_CHECK(slot != nullptr && slot->type == REDIS_REPLY_INTEGER, "the slot of a key");
    const auto of = std::ranges::find_if(ranges, [&](const SlotRange& range) {
      return range.first <= slot->integer && slot->integer <= range.last;
    });
    KVD_CHECK(of != ranges.end(), "every slot has a master");
    masters_[of->master].keys.push_back(KeyOf(i));
  }
}

LoadResult RedisCluster::Run(Fsync fsync, Operation operation, double seconds) const {
  SetFsync(fsync);
  LoadResult result = RunRedisLoad({.operation = operation, .seconds = seconds}, masters_);
  SetFsync(Fsync::kAlways);
  AwaitReplicas();
  return result;
}

void RedisCluster::SetFsync(Fsync fsync) const {
  const std::string command =
      fmt::format("CONFIG SET appendfsync {}", fsync == Fsync::kAlways ? "always" : "everysec");
  for (const auto& server : servers_) KVD_CHECK(Says(*server, command, "OK"), command);
}

// The write that is waited for is behind all others, and its fsync is theirs, too.
void RedisCluster::AwaitReplicas() const {
  for (const RedisKeys& master : masters_) {
    const RedisConnection connection = ConnectRedis(master.port);
    KVD_CHECK(connection != nullptr, "connect to Redis");
    redisAppendCommand(connection.get(), "SET %s %s", master.keys.front().c_str(),
                       std::string(kValueBytes, 'v').c_str());
    redisAppendCommand(connection.get(), "WAIT 1 30000");
    KVD_CHECK(NextReply(*connection) != nullptr, "write to Redis");
    const RedisReply replicas = NextReply(*connection);
    KVD_CHECK(replicas != nullptr && replicas->integer == 1, "the replica has what was written");
  }
}

}  // namespace kvd::bench
