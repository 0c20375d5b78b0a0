#include "tests/simulation/wholeness.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace kvd::simulation {
namespace {

using topology::kSystemPartition;

}  // namespace

std::string Wholeness::WhatIsMissing() {
  newest_ = FindNewest();
  for (const auto& machine : machines_) {
    if (std::string missing = WhatIsMissingOn(*machine); !missing.empty()) return missing;
  }
  if (std::string waiting = WhatMembersWaitFor(); !waiting.empty()) return waiting;
  for (uint32_t p = 0; p < newest_->partitions(); ++p) {
    std::string missing = WhatIsMissingOf(PartitionId{p});
    if (!missing.empty()) return fmt::format("partition {}: {}", p, missing);
  }
  std::string missing = WhatIsMissingOf(kSystemPartition);
  return missing.empty() ? missing : "the system group: " + missing;
}

const topology::Topology* Wholeness::FindNewest() const {
  const topology::Topology* newest = nullptr;
  for (const auto& machine : machines_) {
    if (machine->process() == nullptr) continue;
    const topology::Topology* own = machine->process()->node().topology();
    if (own != nullptr && (newest == nullptr || newest->epoch < own->epoch)) newest = own;
  }
  return newest;
}

// A machine that is off for good, or that never was used, misses nothing.
std::string Wholeness::WhatIsMissingOn(Machine& machine) {
  if (machine.process() == nullptr) {
    return machine.is_off() ? "" : machine.name() + " does not run";
  }
  Process& process = *machine.process();
  const node::Node& node = process.node();
  const node::ClusterView view = node.ViewCluster(process.Now());
  if (node.topology() == nullptr) return machine.name() + " has no topology: " + view.waiting_for;
  if (node.topology()->epoch != newest_->epoch) {
    return fmt::format("{} is at epoch {}, others at {}", machine.name(),
                       node.topology()->epoch.value, newest_->epoch.value);
  }
  if (newest_->Find(machine.disk().node_uuid()) == nullptr) {
    return machine.name() + " is no member and runs";
  }
  for (const node::NodeView& each : view.nodes) {
    if (each.state == node::NodeState::kUp) continue;
    return fmt::format("{} sees {} as not up: {}", machine.name(), each.card.name,
                       each.silent_reason);
  }
  if (process.has_calls()) return machine.name() + " has not answered every call";
  const auto is_idle = [](const node::Node& each) { return each.IsIdle(); };
  if (!process.AllOf(is_idle)) return machine.name() + " holds requests";
  return "";
}

std::string Wholeness::WhatMembersWaitFor() {
  if (newest_ == nullptr) return "no machine runs";
  for (const topology::Member& member : newest_->members) {
    const Machine* machine = MachineOf(member.id);
    if (machine == nullptr) {
      return fmt::format("member {}, {}, is no machine", member.id.value, member.card.name);
    }
    if (member.state != topology::MemberState::kActive) {
      std::string text = member.card.name + " is not active";
      for (uint32_t p = 0; p < newest_->partitions(); ++p) {
        const std::string other = WhatIsMissingOf(PartitionId{p});
        if (!other.empty()) text += fmt::format("; partition {}: {}", p, other);
      }
      return text;
    }
    if (member.card.peer_address != machine->peer_address()) {
      return fmt::format("{} is known at {}, it is at {}", member.card.name,
                         member.card.peer_address, machine->peer_address());
    }
  }
  for (const topology::Job& job : newest_->jobs) {
    if (!job.HasEnded()) return fmt::format("job {} has not ended", job.id.value);
  }
  return "";
}

const raft::Replica* Wholeness::OwnerOf(PartitionId partition) const {
  const raft::Replica* owner = nullptr;
  for (const auto& machine : machines_) {
    const raft::Replica* replica = machine->FindReplica(partition);
    if (replica == nullptr || !replica->IsServing()) continue;
    if (owner == nullptr || replica->term() > owner->term()) owner = replica;
  }
  return owner;
}

// The first in ring order leads, members elsewhere being last; and nobody else has a replica.
std::string Wholeness::WhatIsMissingOf(PartitionId partition) {
  const raft::Replica* owner = OwnerOf(partition);
  if (owner == nullptr) return "nobody leads: " + DescribeReplicas(partition);
  const raft::Configuration& configuration = owner->configuration();
  if (configuration.IsJoint() || owner->configuration_index() > owner->commit()) {
    return "its configuration is not settled: " + DescribeReplicas(partition);
  }
  const raft::Member first = FirstOf(partition, configuration.voters);
  if (owner->self() != first) {
    return fmt::format("replica {} does not lead, {} does", first.id.value, owner->self().id.value);
  }
  for (const auto& machine : machines_) {
    const raft::Replica* replica = machine->FindReplica(partition);
    if (replica == nullptr || configuration.Contains(replica->self().id)) continue;
    return fmt::format("replica {} was removed and is still there", replica->self().id.value);
  }
  std::string other = WhatIsNotAsWished(partition, *owner);
  return other.empty() ? WhatMembersMiss(partition, *owner) : other;
}

// Where the oracle moves replicas, the ring is not asked.
std::string Wholeness::WhatIsNotAsWished(PartitionId partition, const raft::Replica& owner) const {
  if (around_.swarm.steps.strikes()) return "";
  if (!owner.configuration().learners.empty())
    return "it has learners: " + DescribeReplicas(partition);
  std::set<NodeId> wished;
  for (const topology::Replica& replica : WishOf(partition)) wished.insert(replica.node);
  std::set<NodeId> present;
  for (const raft::Member& voter : owner.configuration().voters) present.insert(voter.node);
  return wished == present ? "" : "it is not as the ring wishes: " + DescribeReplicas(partition);
}

// All members are equal byte for byte.
std::string Wholeness::WhatMembersMiss(PartitionId partition, const raft::Replica& owner) {
  std::optional<uint64_t> digest;
  for (const raft::Member& member : owner.configuration().All()) {
    Machine* machine = MachineOf(member.node);
    const raft::Replica* replica = machine == nullptr ? nullptr : machine->FindReplica(partition);
    if (replica == nullptr || replica->self() != member) {
      return fmt::format("replica {} is not there", member.id.value);
    }
    if (replica->leader() != owner.self()) {
      return fmt::format("replica {} does not know its leader", member.id.value);
    }
    const Index applied = machine->process()->machines().applied(partition).index;
    if (applied != owner.last()) {
      return fmt::format("replica {} has applied {} of {}", member.id.value, applied, owner.last());
    }
    const auto own = machine->process()->machines().Digest(partition);
    if (!own.ok()) return Message(own.status());
    if (digest.value_or(*own) != *own) {
      around_.world.Fail(FailureKind::kWrong,
                         fmt::format("the replicas of partition {} differ", partition.value));
    }
    digest = *own;
  }
  return "";
}

std::string Wholeness::DescribeReplicas(PartitionId partition) const {
  std::string text;
  for (const auto& machine : machines_) {
    const raft::Replica* replica = machine->FindReplica(partition);
    if (replica == nullptr) continue;
    text += fmt::format(
        "{} has {} in role {} of term {}, log {} to {}, commit {}, members at {}:", machine->name(),
        replica->self().id.value, static_cast<int>(replica->role()), replica->term(),
        replica->first(), replica->last(), replica->commit(), replica->configuration_index());
    for (const auto* members :
         {&replica->configuration().voters, &replica->configuration().outgoing,
          &replica->configuration().learners}) {
      for (const raft::Member& member : *members) {
        text += fmt::format(" {}@{}", member.id.value, member.node.value);
      }
      text += members == &replica->configuration().learners ? "; " : " /";
    }
  }
  return text;
}

void Wholeness::TraceAll() {
  newest_ = FindNewest();
  if (newest_ == nullptr) return;
  World& world = around_.world;
  for (const topology::Member& member : newest_->members) {
    world.Trace("member", fmt::format("{} is {} at {}, state {}", member.id.value, member.card.name,
                                      member.card.peer_address, static_cast<int>(member.state)));
  }
  for (const topology::Job& job : newest_->jobs) {
    world.Trace("job", fmt::format("{} of kind {} is in state {}", job.id.value,
                                   static_cast<int>(job.kind), static_cast<int>(job.state)));
  }
  const auto trace = [&](const std::string& group, PartitionId partition) {
    std::string wish;
    for (const topology::Replica& each : WishOf(partition)) {
      wish += fmt::format(" {}@{}", each.id.value, each.node.value);
    }
    world.Trace("group", group + " wishes" + wish + "; " + DescribeReplicas(partition));
  };
  trace("the system group", kSystemPartition);
  for (uint32_t p = 0; p < newest_->partitions(); ++p) trace(fmt::format("{}", p), PartitionId{p});
}

const std::vector<topology::Replica>& Wholeness::WishOf(PartitionId partition) const {
  return partition == kSystemPartition ? newest_->system_voters : newest_->ring[partition.value];
}

raft::Member Wholeness::FirstOf(PartitionId partition,
                                const std::vector<raft::Member>& voters) const {
  const auto& order = WishOf(partition);
  return std::ranges::min(voters, {}, [&](const raft::Member& voter) {
    return std::pair(std::ranges::find(order, voter.node, &topology::Replica::node) - order.begin(),
                     voter.id);
  });
}

Machine* Wholeness::MachineOf(NodeId node) const {
  const topology::Member* member = newest_->Find(node);
  if (member == nullptr) return nullptr;
  for (const auto& machine : machines_) {
    if (machine->disk().node_uuid() == member->card.uuid) return machine.get();
  }
  return nullptr;
}

}  // namespace kvd::simulation
