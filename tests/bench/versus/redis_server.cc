#include "tests/bench/versus/redis_server.h"

#include <fmt/format.h>

namespace kvd::bench {

RedisConnection ConnectRedis(uint16_t port) {
  RedisConnection connection(redisConnect("127.0.0.1", port));
  if (connection == nullptr || connection->err != 0) return nullptr;
  return connection;
}

RedisReply NextReply(redisContext& connection) {
  void* reply = nullptr;
  if (redisGetReply(&connection, &reply) != REDIS_OK) return nullptr;
  return RedisReply(static_cast<redisReply*>(reply));
}

RedisServer::RedisServer(const std::filesystem::path& folder, const std::string& name,
                         const std::vector<std::string>& more) {
  const std::string dir = folder / name;
  std::filesystem::create_directories(dir);
  std::vector<std::string> command = {
      "redis-server", "--port", std::to_string(port()), "--bind", "127.0.0.1", "--dir", dir,
      "--appendonly", "yes",    "--appendfsync",        "always", "--save",    ""};
  command.insert(command.end(), more.begin(), more.end());
  process_ = std::make_unique<testing::Process>(
      testing::Process::Options{.command = std::move(command), .log_file = dir + ".log"});
}

RedisReply RedisServer::Ask(const std::string& command) const {
  const RedisConnection connection = ConnectRedis(port());
  if (connection == nullptr) return nullptr;
  redisAppendCommand(connection.get(), command.c_str());
  return NextReply(*connection);
}

std::vector<pid_t> PidsOf(const std::vector<std::unique_ptr<RedisServer>>& servers) {
  std::vector<pid_t> pids;
  for (const auto& server : servers) pids.push_back(server->pid());
  return pids;
}

}  // namespace kvd::bench
