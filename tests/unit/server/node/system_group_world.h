// A leader of the system group, alone: what it wants done is looked at, and written if a test says
// so.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/node/system_group.h"
#include "tests/unit/server/topology/reported.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::node {

// Nodes n1 to n3, n1 leads; what it writes is written at once unless a test says otherwise.
class SystemGroupTest : public ::testing::Test {
 protected:
  SystemGroupTest() { Lead(5); }

  void Lead(Term term) {
    group_.OnLeading(term);
    version_ = 1;
    group_.OnRead(group_.TakeEffects().read.value(),
                  Found{.value = topology::EncodeTopology(founded_), .version = version_}, founded_,
                  now_);
  }

  // What the leader wants after `duration`.
  SystemGroup::Effects After(Duration duration) {
    now_ += duration;
    if (group_.NextWakeAt() <= now_) group_.Advance(silent_, now_);
    return Wanted();
  }

  // What it wants done now; operators are told.
  SystemGroup::Effects Wanted() {
    SystemGroup::Effects wanted = group_.TakeEffects();
    for (auto& [ticket, result] : wanted.told) told_.insert_or_assign(ticket, std::move(result));
    return wanted;
  }

  // Writes what it wants written; the topology that is in force then.
  topology::Topology Written(const SystemGroup::Effects& wanted) {
    EXPECT_TRUE(wanted.write);
    if (!wanted.write) return founded_;
    EXPECT_EQ(wanted.write->if_version, version_);
    version_ += 3;
    group_.OnWritten(wanted.write->number, node::Written{version_}, now_);
    auto decided = Wanted().decided;
    EXPECT_TRUE(decided);
    EXPECT_EQ(topology::EncodeTopology(*decided), wanted.write->record);
    return *std::move(decided);
  }

  // All groups are as `topology` wishes, or as it says of some.
  void Report(const topology::Topology& topology) {
    std::map<NodeId, std::vector<GroupReport>> by_leader;
    const auto add = [&](PartitionId partition, const std::vector<topology::Replica>& wish) {
      GroupReport report = topology::ReportOf(partition, wish);
      by_leader[report.leader.node].push_back(std::move(report));
    };
    add(topology::kSystemPartition, topology.system_voters);
    for (uint32_t p = 0; p < topology.partitions(); ++p) add(PartitionId{p}, topology.ring[p]);
    for (const auto& [leader, reports] : by_leader) {
      group_.OnWitness(leader, {.asked_in = 5, .silent = {}, .disk = {}}, reports, now_);
    }
  }

  const topology::Topology founded_ = topology::FoundedBy(3);
  std::set<NodeId> silent_;
  std::map<Ticket, std::optional<Result>> told_;
  Version version_ = 0;
  Instant now_ = Instant{} + std::chrono::hours(1);
  SystemGroup group_{SystemGroup::Options{}};
};

// The group is empty: nobody knows yet who holds the founding's topology.
class SystemGroupOfAFoundingTest : public SystemGroupTest {
 protected:
  SystemGroupOfAFoundingTest() {
    group_.OnLeading(5);
    version_ = 0;
    group_.OnRead(group_.TakeEffects().read.value(), Absent{}, founded_, now_);
  }

  void Testify(NodeId from, Witness witness = {}) {
    witness.asked_in = 5;
    group_.OnWitness(from, std::move(witness), {}, now_);
  }
};

}  // namespace kvd::node
