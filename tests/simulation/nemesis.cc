#include "tests/simulation/nemesis.h"

#include <algorithm>

namespace kvd::simulation {

void Nemesis::Start() {
  const Swarm& swarm = around_.swarm;
  Repeat(swarm.cuts, [this](Duration time) { CutNetwork(time); });
  Repeat(swarm.link_breaks, [this](Duration) { around_.links.BreakOne(); });
  Repeat(swarm.crashes, [this](Duration down) { CrashSome(down); });
  Repeat(swarm.pauses, [this](Duration time) { AnyMachine().Pause(time); });
  Repeat(swarm.stalls, [this](Duration time) { AnyMachine().StallDisk(time); });
  Repeat(swarm.slowness, [this](Duration lag) { SlowDown(lag); });
  if (swarm.crashes.strikes()) CrashWhileFounding();
  Repeat(swarm.full_disks, [this](Duration time) { FillDisk(time); });
}

// Founding is over so soon that what befalls it must be aimed.
void Nemesis::CrashWhileFounding() {
  World& world = around_.world;
  for (const auto& machine : machines_) {
    if (world.random().Chance(500'000)) continue;
    world.After(world.Between(Duration::zero(), std::chrono::seconds(2)), [this, &machine] {
      machine->Crash(around_.world.Between(Duration::zero(), around_.swarm.crashes.at_most));
    });
  }
}

void Nemesis::Repeat(const Plague& plague, const std::function<void(Duration)>& strike) {
  if (!plague.strikes()) return;
  around_.world.After(around_.world.Between(Duration::zero(), 2 * plague.every), [=, this] {
    if (healed_) return;
    strike(around_.world.Between(Duration::zero(), plague.at_most));
    Repeat(plague, strike);
  });
}

Machine& Nemesis::AnyMachine() {
  return *machines_[around_.world.random().Below(machines_.size())];
}

// One cut at a time, each with its minimum of stable time before and after: a network that changes
// faster than anyone notices is only a lossy one.
void Nemesis::CutNetwork(Duration time) {
  constexpr Duration kStable = std::chrono::milliseconds(100);
  Network& network = around_.network;
  if (!network.IsWhole()) return;
  Random& random = around_.world.random();
  const bool one_way = around_.swarm.one_way_cuts && random.Chance(500'000);
  const bool isolates = random.Chance(400'000);
  const HostId alone = AnyMachine().host();
  std::vector<bool> side;
  for (size_t i = 0; i < machines_.size(); ++i) side.push_back(random.Chance(500'000));
  // A bridge is on both sides.
  const HostId bridge = random.Chance(300'000) ? AnyMachine().host() : HostId{~0U};
  for (const auto& a : machines_) {
    for (const auto& b : machines_) {
      const HostId from = a->host();
      const HostId to = b->host();
      const bool apart = isolates
                             ? (from == alone) != (to == alone)
                             : side[from.value] != side[to.value] && from != bridge && to != bridge;
      const bool forth = isolates ? from == alone : side[from.value];
      if (from != to && apart && (forth || !one_way)) network.Cut(from, to);
    }
  }
  around_.world.Trace("network", one_way ? "is cut one way" : "is cut");
  around_.world.After(std::max(time, kStable), [this] {
    around_.world.Trace("network", "is whole");
    around_.network.Heal();
  });
}

void Nemesis::CrashSome(Duration down) {
  Random& random = around_.world.random();
  if (random.Chance(around_.swarm.all_crash_ppm)) {
    for (const auto& machine : machines_) {
      machine->Crash(around_.world.Between(Duration::zero(), down));
    }
    return;
  }
  Machine& machine = AnyMachine();
  random.Chance(250'000) ? machine.Restart(down) : machine.Crash(down);
}

void Nemesis::SlowDown(Duration lag) {
  Machine& machine = AnyMachine();
  machine.SlowDown(lag);
  around_.world.After(around_.world.Between(Duration::zero(), std::chrono::seconds(5)),
                      [&machine] { machine.SlowDown({}); });
}

void Nemesis::FillDisk(Duration time) {
  Machine& machine = AnyMachine();
  machine.SetDiskFull(true);
  around_.world.After(time, [&machine] { machine.SetDiskFull(false); });
}

void Nemesis::Heal() {
  healed_ = true;
  around_.world.Trace("network", "all faults end");
  around_.network.Heal();
  around_.network.Calm();
  for (const auto& machine : machines_) {
    machine->SetDiskFull(false);
    machine->Resume();
    machine->Start();
  }
}

}  // namespace kvd::simulation
