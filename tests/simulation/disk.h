// What of a machine survives its processes: the log, the data, and the record of who the node is. A
// crash loses what was not synced, and of the data what was not flushed.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "common/random.h"
#include "common/uuid.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"
#include "server/topology/messages.h"

namespace kvd::simulation {

class Disk {
 public:
  explicit Disk(const Uuid& node_uuid) : node_uuid_(node_uuid) {}

  [[nodiscard]] storage::MemoryLog& log() { return log_; }
  [[nodiscard]] storage::MemoryStore& store() { return store_; }
  [[nodiscard]] const Uuid& node_uuid() const { return node_uuid_; }

  // As written and synced.
  [[nodiscard]] const topology::Binding& binding() const { return binding_; }
  [[nodiscard]] const topology::Boot& boot() const { return boot_; }
  void SetBoot(const topology::Boot& boot) { boot_ = boot; }

  // The two halves of a durable write of the binding: in between a crash leaves the old one or the
  // new one.
  void BeginBind(const topology::Binding& binding) { binding_underway_ = binding; }
  void EndBind();

  // The process died, or the power went.
  void Crash(Random& random);

 private:
  const Uuid node_uuid_;
  storage::MemoryLog log_;
  storage::MemoryStore store_;
  topology::Binding binding_;
  std::optional<topology::Binding> binding_underway_;
  topology::Boot boot_;
};

}  // namespace kvd::simulation
