// A redis-server as Debian has it, on loopback, its writes in an append-only file; and connections
// to it.
//
// Threading: confined to the program's main thread.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/reserved_port.h"

namespace kvd::bench {

struct FreeRedis {
  void operator()(redisContext* connection) const { redisFree(connection); }
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using RedisConnection = std::unique_ptr<redisContext, FreeRedis>;
using RedisReply = std::unique_ptr<redisReply, FreeRedis>;

// Null: nobody answers there.
[[nodiscard]] RedisConnection ConnectRedis(uint16_t port);

// The answer to the oldest command that was sent and is not answered. Null: the connection broke.
[[nodiscard]] RedisReply NextReply(redisContext& connection);

class RedisServer {
 public:
  // Fsyncs every write (appendfsync always) unless `more` options, --NAME VALUE, say otherwise.
  // Its data and its log are `folder`/`name` and `folder`/`name`.log.
  RedisServer(const std::filesystem::path& folder, const std::string& name,
              const std::vector<std::string>& more);

  // The answer to a command without blanks in its arguments, on a connection of its own. Null:
  // nobody answers.
  [[nodiscard]] RedisReply Ask(const std::string& command) const;

  [[nodiscard]] uint16_t port() const { return port_.port(); }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  testing::ReservedPort port_;
  std::unique_ptr<testing::Process> process_;
};

// Of all of them.
[[nodiscard]] std::vector<pid_t> PidsOf(const std::vector<std::unique_ptr<RedisServer>>& servers);

}  // namespace kvd::bench
