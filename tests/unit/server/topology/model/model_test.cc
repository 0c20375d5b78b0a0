// That the model sees what it is there to see: each breach of a rule is written down.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/model/cluster.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology::model {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr raft::Member kOne{ReplicaId{1}, NodeId{1}};
constexpr raft::Member kTwo{ReplicaId{2}, NodeId{2}};

// A group of one replica, on node 1; 1000 bytes.
class ModelGroupTest : public ::testing::Test {
 protected:
  ModelGroupTest() { Settle(1000); }

  // Until a leader has committed what there is; this much of the data is sent meanwhile.
  void Settle(uint64_t bytes) {
    group_.Advance(now_, {}, bytes, random_);
    for (int i = 0; i < 100; ++i) group_.Advance(now_ += 100, {}, 0, random_);
  }

  void Take(std::vector<raft::Member> voters, std::vector<raft::Member> learners) {
    const GroupReport report = *group_.Report({}, random_);
    group_.Take({.partition = report.partition,
                 .term = report.term,
                 .if_index = report.configuration_index,
                 .voters = std::move(voters),
                 .learners = std::move(learners)},
                now_, {}, random_);
  }

  Random random_{1};
  Millis now_ = 0;
  Group group_{PartitionId{0}, {{kOne.id, kOne.node}}, 1000};
};

TEST_F(ModelGroupTest, LearnerThatCaughtUpMayVote) {
  Take({kOne}, {kTwo});
  Settle(1000);
  Take({kOne, kTwo}, {});
  Settle(0);
  EXPECT_TRUE(group_.IsAsWished({{kOne.id, kOne.node}, {kTwo.id, kTwo.node}}));
  EXPECT_THAT(group_.violations(), IsEmpty());
}

TEST_F(ModelGroupTest, VoteForWhoIsBehindIsSeen) {
  Take({kOne}, {kTwo});
  Settle(999);
  Take({kOne, kTwo}, {});
  EXPECT_THAT(group_.violations(), Contains(HasSubstr("not caught up")));
}

TEST_F(ModelGroupTest, VoteForAStrangerIsSeen) {
  Take({kOne, kTwo}, {});
  EXPECT_THAT(group_.violations(), Contains(HasSubstr("stranger")));
}

TEST_F(ModelGroupTest, SecondChangeAtOnceIsSeen) {
  Take({kOne}, {kTwo});
  Take({kOne}, {});
  EXPECT_THAT(group_.violations(), Contains(HasSubstr("second change")));
}

TEST_F(ModelGroupTest, ReturnOfARemovedReplicaIsSeen) {
  Take({kOne}, {kTwo});
  Settle(0);
  Take({kOne}, {});
  Settle(0);
  Take({kOne}, {kTwo});
  EXPECT_THAT(group_.violations(), Contains(HasSubstr("was removed")));
}

TEST(ModelClusterTest, NodeRemovedBeforeItsReplicasIsSeen) {
  Cluster cluster(FoundedBy(4), {});
  ASSERT_TRUE(cluster.RunUntilSettled(10'000).has_value());
  while (!cluster.Ask(StartRemove{NodeId{4}, false, "ops"})) cluster.Tick();
  ASSERT_TRUE(cluster.Ask(FinishRemoval{NodeId{4}}));
  EXPECT_THAT(cluster.Violations(), Contains(HasSubstr("removed before its replica")));
}

}  // namespace
}  // namespace kvd::topology::model
