// Under which boot every other member was heard last, kept on disk (DESIGN 3.3, Return): who comes
// back under an older one, or under one of the same count and another nonce, comes with a disk that
// was rolled back or copied. It has forgotten what it promised, and is not listened to.
//
// A disk rolled back to a copy of the boot that is remembered cannot be told from a restart; nor
// can one that was started often enough while no member heard it.
//
// Pure. Threading: confined to the node.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/uuid.h"
#include "server/topology/messages.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// True if whoever was heard under `latest` cannot have come to `boot` by being started again.
[[nodiscard]] bool IsSuperseded(const Boot& boot, const Boot& latest);

class Boots {
 public:
  enum class Heard : uint8_t { kRemembered, kNotYetOnDisk, kSuperseded };

  // Nobody was heard yet in this cluster.
  explicit Boots(const Uuid& cluster_id) : cluster_id_(cluster_id) {}

  // What an earlier run kept. The record of another cluster is forgotten: it was recovered
  // meanwhile, from whatever disks were left. DATA_LOSS: it is damaged; FAILED_PRECONDITION: its
  // format is newer than this build.
  [[nodiscard]] static StatusOr<Boots> Decode(std::string_view record, const Uuid& cluster_id);

  // `node` speaks under `boot`. What it says counts only once that is remembered.
  [[nodiscard]] Heard Hear(const Uuid& node, const Boot& boot);

  // The boot under which `node` was heard last; nullopt: never.
  [[nodiscard]] std::optional<Boot> Find(const Uuid& node) const;

  // A record to be made durable, then call OnStored(); nullopt: nothing new, or the last one is
  // still on its way.
  [[nodiscard]] std::optional<std::string> TakeRecord();
  void OnStored();

  // Who is no member is forgotten.
  void KeepOnly(const Topology& topology);

 private:
  using ByNode = std::map<Uuid, Boot>;

  [[nodiscard]] std::string Encode() const;

  Uuid cluster_id_;
  ByNode latest_;
  ByNode on_disk_;
  std::optional<ByNode> storing_;
};

}  // namespace kvd::topology
