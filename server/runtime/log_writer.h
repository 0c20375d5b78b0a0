// The thread that makes things durable. Everything the node asked for while one batch was being
// synced becomes the next batch: one fsync for all groups (group commit), one batch in flight.
//
// Owns: its thread. Threading: thread-safe.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/raft/replica.h"
#include "server/runtime/queue.h"
#include "server/storage/data_dir.h"
#include "server/storage/log.h"
#include "server/topology/messages.h"
#include "server/topology/topology.h"

namespace kvd::runtime {

class LogWriter {
 public:
  using Truncations = std::vector<storage::Log::Prefix>;

  // The number of each group's last write that is durable now.
  using Durable = std::vector<std::pair<GroupId, uint64_t>>;

  // Called on the writer's thread. After on_fatal nothing more is written.
  struct Callbacks {
    std::function<void(Durable)> on_durable;
    std::function<void()> on_bound;
    std::function<void()> on_topology_stored;
    std::function<void()> on_boots_stored;
    std::function<void(Status)> on_fatal;
  };

  LogWriter(storage::Log& log, storage::DataDir& data_dir, Callbacks callbacks);

  // Finishes what is queued, then ends the thread.
  ~LogWriter();

  void Append(std::vector<raft::Write> writes);
  void Bind(const topology::Binding& binding);
  void StoreTopology(const topology::Topology& topology);
  void StoreBoots(std::string record);
  void Truncate(Truncations truncations);

 private:
  struct BootsRecord {
    std::string bytes;
  };
  using Job = std::variant<std::vector<raft::Write>, topology::Binding, topology::Topology,
                           BootsRecord, Truncations>;

  void Run();
  [[nodiscard]] Status Do(std::vector<Job> jobs);
  [[nodiscard]] Status DoBind(const topology::Binding& binding);
  [[nodiscard]] Status DoStore(const topology::Topology& topology);
  [[nodiscard]] Status DoAppend(std::vector<raft::Write> writes);
  [[nodiscard]] Status DoTruncate(const Truncations& truncations);

  storage::Log& log_;
  storage::DataDir& data_dir_;
  const Callbacks callbacks_;
  Queue<Job> jobs_;
  std::thread thread_;
};

}  // namespace kvd::runtime
