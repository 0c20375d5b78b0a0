// The wires between machines: how long a message takes, which directions are cut, and messages that
// stand alone (greetings), which may be lost or come twice. Links, which are ordered streams, are
// built on it in links.h.
//
// Threading: one world, one thread.
#pragma once

#include <set>
#include <utility>

#include "common/types.h"
#include "tests/simulation/swarm.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

// A machine of the cluster, from 0.
using HostId = Id<struct HostIdTag, uint32_t>;

class Network {
 public:
  Network(World& world, const Swarm& swarm) : world_(world), swarm_(swarm) {}

  // Nothing passes from `from` to `to` until Heal().
  void Cut(HostId from, HostId to) { cut_.emplace(from, to); }
  void Heal() { cut_.clear(); }
  [[nodiscard]] bool IsCut(HostId from, HostId to) const { return cut_.contains({from, to}); }
  [[nodiscard]] bool IsWhole() const { return cut_.empty(); }

  // From now on messages are quick and arrive once.
  void Calm() { calm_ = true; }
  [[nodiscard]] bool is_calm() const { return calm_; }

  // One message's time on the wire.
  [[nodiscard]] Duration DrawDelay();

  // The same if a lost packet is sent again, later and later, until it arrives.
  [[nodiscard]] Duration DrawReliableDelay();

  // `deliver` happens after a while, or never, or twice.
  void Carry(HostId from, HostId to, const World::Action& deliver);

 private:
  World& world_;
  const Swarm& swarm_;
  std::set<std::pair<HostId, HostId>> cut_;
  bool calm_ = false;
};

}  // namespace kvd::simulation
