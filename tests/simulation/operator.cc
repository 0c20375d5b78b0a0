#include "tests/simulation/operator.h"

#include <algorithm>
#include <limits>

namespace kvd::simulation {
namespace {

// It was, or could still be, the only voter of its group.
bool IsAlone(const raft::Replica& replica) {
  const raft::Configuration& configuration = replica.configuration();
  return configuration.voters.size() < 2 || configuration.IsJoint() ||
         replica.configuration_index() > replica.commit();
}

}  // namespace

void Operator::Start() {
  if (!around_.swarm.operations.strikes()) return;
  ActLater();
  TendLater();
}

void Operator::Stop() {
  stopped_ = true;
  if (around_.swarm.operations.strikes()) Tend();
  for (const auto& machine : machines_) {
    if (machine->is_off() && machine->run() > 0) machine->TurnOn();
    // Those whom it was told to ask may have moved since.
    const bool is_blank = StandingOf(*machine) == Standing::kBlank && IsLate(*machine);
    if (is_blank || StandingOf(*machine) == Standing::kRemoved) {
      machine->Restart(Duration::zero());
    }
  }
}

void Operator::ActLater() {
  const Duration every = around_.swarm.operations.every;
  around_.world.After(around_.world.Between(Duration::zero(), 2 * every), [this] {
    if (stopped_) return;
    Act();
    ActLater();
  });
}

// Also when everything else is over: nobody else does it.
void Operator::TendLater() {
  around_.world.After(around_.world.Between(std::chrono::seconds(1), std::chrono::seconds(3)),
                      [this] {
                        Tend();
                        TendLater();
                      });
}

void Operator::Tend() {
  CopySomeDisk();
  for (const auto& machine : machines_) {
    const bool gave_up = machine->runs() && !machine->disk().topology() &&
                         StandingOf(*machine) == Standing::kRemoved;
    if (gave_up) machine->TurnOff();
    if (!gave_up && !machine->disk().is_condemned()) continue;
    machine->Wipe();
    machine->TurnOn();
  }
}

// Not of one that would serve alone: nobody could tell it in time that it is not alone any more.
void Operator::CopySomeDisk() {
  Machine* machine = AnyWhere([](const Machine& each) {
    if (!each.runs() || each.node().topology() == nullptr) return false;
    for (uint32_t p = 0; p < each.node().topology()->partitions(); ++p) {
      const raft::Replica* replica = each.FindReplica(PartitionId{p});
      if (replica != nullptr && IsAlone(*replica)) return false;
    }
    const raft::Replica* system = each.FindReplica(topology::kSystemPartition);
    return system == nullptr || !IsAlone(*system);
  });
  if (machine == nullptr) return;
  if (!machine->has_copy() || around_.world.random().Chance(200'000)) machine->CopyDisk();
}

void Operator::Act() {
  const uint64_t dice = around_.world.random().Below(100);
  if (dice < 30) return Admit();
  if (dice < 60) return TakeAway();
  if (dice < 70) return MoveOne();
  AskForSomething();
}

// Whatever is asked is safe, or refused; what comes of it, the ledger tells.
void Operator::AskForSomething() {
  Machine* machine = AnyWhere([](const Machine& each) { return !each.is_off(); });
  if (machine == nullptr || machine->process() == nullptr) return;
  const auto judge = [this](const std::optional<node::Answer>& answer) {
    const auto* refusal = answer ? std::get_if<Refusal>(&answer->result) : nullptr;
    if (refusal == nullptr || refusal->reason != Reason::kInternal) return;
    around_.world.Fail(FailureKind::kWrong, "an operator is told: " + refusal->message);
  };
  machine->process()->Call({.key = {}, .action = DrawRequest()}, std::chrono::seconds(5), judge);
}

node::Administer Operator::DrawRequest() {
  Random& random = around_.world.random();
  const auto any_name = [this] { return AnyWhere([](const Machine&) { return true; })->name(); };
  const uint64_t dice = random.Below(100);
  if (dice < 15) {
    const uint64_t jobs = around_.ledger.newest() ? around_.ledger.newest()->next_job.value : 1;
    return {node::AbortJob{topology::JobId{jobs - random.Below(std::min<uint64_t>(jobs, 3))}}};
  }
  const bool accept_fewer = random.Chance(100'000);
  node::Change change = node::Rebalance{};
  if (dice < 50) {
    change = node::LeaveNode{any_name(), accept_fewer};
  } else if (dice < 75) {
    change = node::RemoveNode{any_name(), accept_fewer};
  } else if (dice < 95) {
    change = node::ReplaceNode{any_name(), any_name(), ""};
  }
  if (random.Chance(100'000)) return {node::PlanChange{change}};
  return {node::StartChange{change, "operator"}};
}

Operator::Standing Operator::StandingOf(const Machine& machine) const {
  const auto& newest = around_.ledger.newest();
  const bool removed = newest && newest->FindRemoved(machine.disk().node_uuid()) != nullptr;
  if (removed) return Standing::kRemoved;
  return machine.disk().topology() ? Standing::kMember : Standing::kBlank;
}

bool Operator::IsFounder(const Machine& machine) const {
  return machine.host().value < around_.swarm.nodes;
}

bool Operator::IsLate(const Machine& machine) const {
  return !IsFounder(machine) || machine.was_wiped();
}

Machine* Operator::AnyWhere(const std::function<bool(const Machine&)>& fits) {
  std::vector<Machine*> found;
  for (const auto& machine : machines_) {
    if (fits(*machine)) found.push_back(machine.get());
  }
  return found.empty() ? nullptr : found[around_.world.random().Below(found.size())];
}

bool Operator::IsFounded() const {
  return std::ranges::any_of(
      machines_, [this](const auto& each) { return StandingOf(*each) == Standing::kMember; });
}

bool Operator::AreAddressesKnown() const {
  const auto& newest = around_.ledger.newest();
  return newest && std::ranges::all_of(machines_, [&](const auto& machine) {
           const topology::Member* member = newest->Find(machine->disk().node_uuid());
           return member == nullptr || member->card.peer_address == machine->peer_address();
         });
}

// A spare machine joins. One that was removed has to come back empty; if it does not, it is told.
void Operator::Admit() {
  Machine* machine = AnyWhere([this](const Machine& each) {
    return each.is_off() && !each.runs() && StandingOf(each) != Standing::kMember;
  });
  if (machine == nullptr || !IsFounded()) return;
  const bool was_removed = StandingOf(*machine) == Standing::kRemoved;
  if (was_removed && around_.world.random().Chance(700'000)) machine->Wipe();
  machine->TurnOn();
}

// One at a time, or now and then two.
void Operator::TakeAway() {
  const auto is_away = [this](const auto& each) {
    return each->is_off() && StandingOf(*each) == Standing::kMember;
  };
  const auto away = std::ranges::count_if(machines_, is_away);
  if (away > 1 || (away == 1 && !around_.world.random().Chance(200'000))) return;
  Machine* machine = AnyWhere([this](const Machine& each) {
    return !each.is_off() && !each.is_rolled_back() && StandingOf(each) == Standing::kMember;
  });
  if (machine == nullptr) return;
  machine->TurnOff();
  const Duration longest = around_.swarm.operations.at_most;
  around_.world.After(around_.world.Between(longest / 8, longest), [this, machine] {
    if (!stopped_ && machine->is_off()) BringBack(*machine);
  });
}

void Operator::BringBack(Machine& machine) {
  Random& random = around_.world.random();
  if (around_.consensus.CanDoWithout(machine.host()) && random.Chance(500'000)) {
    if (const uint64_t boots = BootsNoticed(machine); machine.IsCopyBefore(boots)) {
      machine.RollBack(boots);
    } else {
      machine.Wipe();
    }
  } else if (AreAddressesKnown() && random.Chance(200'000)) {
    machine.Move();
  }
  machine.TurnOn();
}

// By every member, whomever it reaches first.
uint64_t Operator::BootsNoticed(const Machine& machine) const {
  const auto heard = [&machine](const Disk& disk) -> uint64_t {
    const auto topology = topology::DecodeTopology(*disk.topology());
    const auto& record = disk.Kept(storage::KeptRecord::kBoots);
    if (!topology.ok() || !record) return 0;
    const auto boots = topology::Boots::Decode(*record, topology->cluster_id);
    const auto boot = boots.ok() ? boots->Find(machine.disk().node_uuid()) : std::nullopt;
    return boot ? boot->counter : 0;
  };
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for (const auto& other : machines_) {
    if (other.get() == &machine || StandingOf(*other) != Standing::kMember) continue;
    lowest = std::min(lowest, heard(other->disk()));
  }
  return lowest;
}

void Operator::MoveOne() {
  Machine* machine = AnyWhere([this](const Machine& each) {
    return !each.is_off() && !each.is_rolled_back() && StandingOf(each) == Standing::kMember;
  });
  if (machine == nullptr || !AreAddressesKnown()) return;
  machine->TurnOff();
  machine->Move();
  machine->TurnOn();
}

// Who founds lists the founders. Whoever comes later asks members; one that lost its disk may as
// well have the old list, if somebody on it knows better than to found. Addresses are kept up: who
// was away finds those that moved, also after it has moved itself.
Machine::Others Operator::OthersOf(const Machine& machine) {
  Machine::Others members;
  Machine::Others founders;
  bool somebody_knows = !IsLate(machine);
  for (const auto& each : machines_) {
    if (each.get() == &machine) continue;
    const bool is_member = StandingOf(*each) == Standing::kMember;
    if (is_member) members.join.push_back(each->peer_address());
    if (!IsFounder(*each)) continue;
    founders.peers.push_back({each->name(), each->peer_address()});
    somebody_knows = somebody_knows || is_member;
  }
  const bool is_blank = StandingOf(machine) == Standing::kBlank;
  if (!is_blank || !IsFounder(machine) || !somebody_knows) return members;
  return IsLate(machine) && around_.world.random().Chance(500'000) ? members : founders;
}

}  // namespace kvd::simulation
