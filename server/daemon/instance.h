// One running kvd: opens the data, brings it up to date, and connects the node to disk and network.
//
// Threading: confined to the main thread.
#pragma once

#include <memory>
#include <optional>

#include "config/cluster_file.h"
#include "server/daemon/failure.h"
#include "server/daemon/node_metrics.h"
#include "server/daemon/observation.h"
#include "server/daemon/setup.h"
#include "server/observability/line_logger.h"
#include "server/partition/state_machines.h"
#include "server/rpc/server.h"
#include "server/runtime/runtime.h"
#include "server/runtime/steady_clock.h"
#include "server/storage/data_dir.h"
#include "server/storage/log.h"
#include "server/storage/reserve.h"
#include "server/storage/rocks/rocks_store.h"
#include "server/storage/write_back.h"

namespace kvd::daemon {

class Instance {
 public:
  // Starts the node `setup` describes, its ports tried first. `logger` must outlive it.
  [[nodiscard]] static OrFailure<std::unique_ptr<Instance>> Start(
      const Setup& setup, observability::LineLogger& logger);

  // Tells peers and load balancers that this node is about to stop; it still serves.
  void StartDraining();

  // Refuses new work, finishes what is underway for up to `grace`, flushes, and marks the data
  // directory as cleanly stopped.
  [[nodiscard]] Status Stop(Duration grace);

  // The timeouts in force, which Reload() may change.
  [[nodiscard]] const config::Timeouts& timeouts() const { return setup_.file.timeouts; }

  // Writes what this node sees of the cluster to the log.
  void LogState();

  // Applies what of `setup` may change while running. Returns the keys that need a restart.
  [[nodiscard]] std::vector<std::string> Reload(const Setup& setup);

  ~Instance();

 private:
  Instance(const Setup& setup, observability::LineLogger& logger);

  [[nodiscard]] std::optional<Failure> OpenData();
  void CloseToOthers();
  [[nodiscard]] Status TakeIdentity();
  [[nodiscard]] Status OpenDatabases(bool was_clean);
  [[nodiscard]] StatusOr<std::optional<std::string>> KeptTopology();
  [[nodiscard]] Status Recover();
  [[nodiscard]] std::optional<Failure> Serve();
  [[nodiscard]] std::optional<Failure> BeObserved();
  void SayServes() const;
  [[nodiscard]] node::Node::Options NodeOptions();
  [[nodiscard]] runtime::DiskSpace MeasureDisk();
  void KeepReserve(uint64_t free, uint64_t keep);
  void Fatal(const Status& status);
  void Condemned(const std::string& why);

  Setup setup_;
  observability::LineLogger& logger_;
  runtime::SteadyClock clock_;

  // In order of dependence: what is below refers to what is above, and goes first.
  StorageMetrics storage_metrics_;
  std::unique_ptr<storage::DataDir> data_dir_;
  storage::Identity identity_;
  std::optional<storage::Reserve> reserve_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::StoreOnDisk> behind_;
  std::unique_ptr<storage::WriteBackStore> store_;  // In front of it.
  std::unique_ptr<partition::StateMachines> machines_;
  node::Recovery recovery_;
  std::optional<topology::Boots> boots_;  // Of the other members.
  std::unique_ptr<runtime::Runtime> runtime_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Observation> observation_;  // nullptr: http_listen is off.
};

}  // namespace kvd::daemon
