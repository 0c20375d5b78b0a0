// What of a machine survives its processes: the log, the data, and the records of who the node is
// and of its topology. A crash loses what was not synced, and of the data what was not flushed.
//
// Also tells, for whoever judges, what of the log is durable at this very moment, whether or not
// anyone could read it.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "common/uuid.h"
#include "server/storage/data_dir.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"
#include "server/storage/store.h"
#include "server/topology/messages.h"

namespace kvd::simulation {

class Disk {
 public:
  explicit Disk(const Uuid& node_uuid) : node_uuid_(node_uuid) {}

  // Another one, which names the same node, its cluster and its replicas, and has nothing else of
  // what was on `lost`.
  [[nodiscard]] static std::unique_ptr<Disk> Impostor(const Disk& lost);

  // To be read, and for recovery to write; who writes while a process runs uses the methods below.
  [[nodiscard]] storage::MemoryLog& log() { return *log_; }
  [[nodiscard]] storage::Store& store() { return *front_; }
  [[nodiscard]] const Uuid& node_uuid() const { return node_uuid_; }

  // The two halves of a write of the log. In between a crash leaves all of it or nothing.
  void BeginWrite(std::vector<storage::GroupWrite> batch);
  [[nodiscard]] Status EndWrite();
  [[nodiscard]] Status Truncate(std::span<const storage::Log::Prefix> prefixes);

  // Recovery is over: what it wrote is durable.
  void NoteRecovered() { ReadImage(); }

  // Durable at this moment. An entry that was truncated or that a snapshot covers is held.
  [[nodiscard]] bool Holds(GroupId group, Index index, Term term) const;
  [[nodiscard]] storage::HardState HardStateOf(GroupId group) const;

  // Likewise: which replica of a group is here, if its name was written, and which were.
  struct Named {
    ReplicaId here;
    ReplicaId removed;
  };
  [[nodiscard]] Named NamedOf(GroupId group) const;

  // As written and synced.
  [[nodiscard]] const topology::Binding& binding() const { return binding_; }
  [[nodiscard]] const topology::Boot& boot() const { return boot_; }
  void SetBoot(const topology::Boot& boot) { boot_ = boot; }

  // The two halves of a durable write of the binding: in between a crash leaves the old one or the
  // new one.
  void BeginBind(const topology::Binding& binding) { binding_underway_ = binding; }
  void EndBind();

  // The records of the topology and of other nodes' boots, as written and synced; nullopt: none
  // yet. Written in two halves likewise.
  [[nodiscard]] const std::optional<std::string>& Kept(storage::KeptRecord which) const;
  [[nodiscard]] const std::optional<std::string>& topology() const {
    return Kept(storage::KeptRecord::kTopology);
  }
  void BeginKeep(storage::KeptRecord which, std::string record);
  void EndKeep(storage::KeptRecord which);

  // The process died, or the power went.
  void Crash(Random& random);

  // As it is now, with what is synced and nothing else.
  [[nodiscard]] std::unique_ptr<Disk> Copy() const;

  // Its node was told that this disk is older than what it has said.
  void Condemn() { condemned_ = true; }
  [[nodiscard]] bool is_condemned() const { return condemned_; }

  // The log and the data are gone, who the node is remains: what a careful node makes impossible.
  void ForgetData();

 private:
  struct Image {
    Named named;
    storage::HardState hard_state;
    Index first = 1;
    Term previous_term = 0;
    std::map<Index, Term> terms;
  };

  [[nodiscard]] std::unique_ptr<storage::Store> NewFront();
  void Imagine(const storage::GroupWrite& write);
  void ReadImage();

  const Uuid node_uuid_;
  std::unique_ptr<storage::MemoryLog> log_ = std::make_unique<storage::MemoryLog>();
  std::unique_ptr<storage::MemoryStore> store_ = std::make_unique<storage::MemoryStore>();
  std::unique_ptr<storage::Store> front_ = NewFront();  // Of the daemon, with little room.
  std::vector<storage::GroupWrite> underway_;
  std::map<GroupId, Image> image_;
  topology::Binding binding_;
  std::optional<topology::Binding> binding_underway_;
  struct Record {
    std::optional<std::string> synced;
    std::optional<std::string> underway;
  };
  std::map<storage::KeptRecord, Record> kept_;
  topology::Boot boot_;
  bool condemned_ = false;
};

}  // namespace kvd::simulation
