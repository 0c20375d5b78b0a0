// Writes are numbered from 1; a log is restored with three durable entries.

#include "server/raft/durability.h"

#include <gtest/gtest.h>

namespace kvd::raft {
namespace {

class DurabilityTest : public ::testing::Test {
 protected:
  Durability disk_{3};
};

TEST_F(DurabilityTest, NothingToWriteAtFirst) {
  EXPECT_FALSE(disk_.IsDirty());
  EXPECT_EQ(disk_.durable(), 3U);
  EXPECT_TRUE(disk_.IsDone(disk_.NumberOf(3)));
  EXPECT_TRUE(disk_.IsDone(disk_.HardStateNumber()));
}

TEST_F(DurabilityTest, WriteCarriesAllSinceTheLastOne) {
  disk_.HardStateChanged();
  disk_.Appended(5);
  const Durability::Plan plan = disk_.Begin();
  EXPECT_TRUE(plan.hard_state);
  EXPECT_EQ(plan.from, 4U);
  EXPECT_EQ(plan.to, 5U);
  EXPECT_FALSE(disk_.IsDirty());
}

TEST_F(DurabilityTest, EntriesAreDurableWhenTheirWriteIsReported) {
  disk_.Appended(4);
  (void)disk_.Begin();
  disk_.Appended(6);
  (void)disk_.Begin();
  disk_.OnDurable(1);
  EXPECT_EQ(disk_.durable(), 4U);
  disk_.OnDurable(2);
  EXPECT_EQ(disk_.durable(), 6U);
}

TEST_F(DurabilityTest, ReportOfALaterWriteIsOneOfTheEarlierOnes) {
  disk_.Appended(4);
  (void)disk_.Begin();
  disk_.Appended(6);
  (void)disk_.Begin();
  disk_.OnDurable(2);
  EXPECT_EQ(disk_.durable(), 6U);
}

TEST_F(DurabilityTest, OverwrittenEntriesOfAWriteUnderWayDoNotCount) {
  disk_.Appended(9);
  (void)disk_.Begin();
  disk_.CutFrom(6);
  disk_.Appended(7);
  const Durability::Plan second = disk_.Begin();
  EXPECT_EQ(second.from, 6U);
  disk_.OnDurable(1);
  EXPECT_EQ(disk_.durable(), 5U);
  disk_.OnDurable(2);
  EXPECT_EQ(disk_.durable(), 7U);
}

TEST_F(DurabilityTest, OverwrittenDurableEntriesDoNotCount) {
  disk_.CutFrom(2);
  EXPECT_EQ(disk_.durable(), 1U);
}

TEST_F(DurabilityTest, TermAndEntriesAreWaitedForApart) {
  disk_.HardStateChanged();
  EXPECT_EQ(disk_.HardStateNumber(), 1U);
  (void)disk_.Begin();
  disk_.Appended(4);
  EXPECT_EQ(disk_.HardStateNumber(), 1U);
  EXPECT_EQ(disk_.NumberOf(4), 2U);
  (void)disk_.Begin();
  disk_.Appended(5);
  EXPECT_EQ(disk_.NumberOf(4), 2U);
  EXPECT_EQ(disk_.NumberOf(5), 3U);
}

TEST_F(DurabilityTest, SnapshotIsWaitedForUntilTheLogBeginsBehindIt) {
  disk_.Appended(5);
  (void)disk_.Begin();
  disk_.Reset(20, 7);
  EXPECT_EQ(disk_.NumberOf(20), 2U);
  const Durability::Plan plan = disk_.Begin();
  EXPECT_EQ(plan.reset, (storage::GroupWrite::Reset{20, 7}));
  EXPECT_GT(plan.from, plan.to);
  EXPECT_EQ(disk_.NumberOf(20), 2U);
  disk_.OnDurable(1);
  EXPECT_FALSE(disk_.IsDone(disk_.NumberOf(20)));
  disk_.OnDurable(2);
  EXPECT_TRUE(disk_.IsDone(disk_.NumberOf(20)));
  EXPECT_EQ(disk_.durable(), 20U);
}

TEST_F(DurabilityTest, EntriesBehindASnapshotGoWithIt) {
  disk_.Reset(20, 7);
  disk_.Appended(22);
  const Durability::Plan plan = disk_.Begin();
  EXPECT_TRUE(plan.reset.has_value());
  EXPECT_EQ(plan.from, 21U);
  EXPECT_EQ(plan.to, 22U);
}

}  // namespace
}  // namespace kvd::raft
