// A node's state machines on the twins of log and store, which forget at Crash() what was not
// synced or flushed. Write() is what a node does with a write: log first, then apply.

#include "server/partition/state_machines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "server/partition/command.h"
#include "server/partition/recovery.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"

namespace kvd::partition {
namespace {

using storage::Entry;
using storage::StoredValue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PartitionId kP0{0};
constexpr PartitionId kP5{5};

using What = decltype(Outcome::what);

MATCHER_P2(Through, partition, index, "") {
  return arg.partition == partition && arg.through == static_cast<Index>(index);
}

class StateMachinesTest : public ::testing::Test {
 protected:
  // Makes one entry of `partition` durable.
  Entry Log(PartitionId partition, const Mutation& mutation) {
    const Entry entry{++last_[partition], 1, EncodeCommand({.id = {}, .mutation = mutation})};
    const storage::GroupWrite write{
        .group = GroupOf(partition), .hard_state = {}, .entries = {entry}};
    EXPECT_TRUE(log_->Append(std::span(&write, 1)).ok());
    return entry;
  }

  void Write(PartitionId partition, const Mutation& mutation) {
    const ApplyJob job{partition, {Log(partition, mutation)}};
    ASSERT_TRUE(machines_->Apply(std::span(&job, 1)).ok());
  }

  // An empty log and an empty store.
  void StartOver() {
    log_ = std::make_unique<storage::MemoryLog>();
    store_ = std::make_unique<storage::MemoryStore>();
    machines_ = std::make_unique<StateMachines>(*store_);
    last_.clear();
  }

  // The process dies; the store keeps what was flushed and the first `batches` after it.
  void Crash(size_t batches = 0) {
    log_->Crash(/*tear_last_batch=*/true);
    store_->Crash(batches);
    machines_ = std::make_unique<StateMachines>(*store_);
  }

  // Opens what the disk holds, and applies all of the log, as when all of it is committed.
  struct Recovered {
    PartitionId partition;
    raft::Restored restored;
    uint64_t keys = 0;
  };
  [[nodiscard]] std::vector<Recovered> Recover() {
    const auto extents = log_->Groups().value();
    EXPECT_TRUE(machines_->Open(extents).ok());
    std::vector<Recovered> recovered;
    for (const storage::GroupExtent& extent : extents) {
      if (extent.group == kSystemGroup) continue;
      const PartitionId partition{extent.group.value - 1};
      auto loaded = LoadReplica(*log_, extent, machines_->applied(partition), {}).value();
      const ApplyJob job{partition, loaded.restored.tail};
      if (!job.entries.empty()) {
        EXPECT_TRUE(machines_->Apply(std::span(&job, 1)).ok());
      }
      const uint64_t keys = machines_->applied(partition).keys;
      recovered.push_back({partition, std::move(loaded.restored), keys});
    }
    return recovered;
  }

  [[nodiscard]] std::optional<StoredValue> Read(PartitionId partition, const std::string& key) {
    return machines_->Read(partition, key).value();
  }

  std::unique_ptr<storage::MemoryLog> log_ = std::make_unique<storage::MemoryLog>();
  std::unique_ptr<storage::MemoryStore> store_ = std::make_unique<storage::MemoryStore>();
  std::unique_ptr<StateMachines> machines_ = std::make_unique<StateMachines>(*store_);
  std::map<PartitionId, Index> last_;
};

TEST_F(StateMachinesTest, WhatIsAppliedIsRead) {
  Write(kP0, PutMutation{"a", "1"});
  EXPECT_EQ(Read(kP0, "a"), (StoredValue{1, "1"}));
  EXPECT_EQ(Read(kP0, "b"), std::nullopt);
  EXPECT_EQ(Read(kP5, "a"), std::nullopt);
}

TEST_F(StateMachinesTest, JobsOfManyPartitionsAreOneBatch) {
  const std::vector<ApplyJob> jobs = {{kP5, {Log(kP5, PutMutation{"x", "1"})}},
                                      {kP0, {Log(kP0, PutMutation{"a", "2"})}},
                                      {kP5, {Log(kP5, PutMutation{"x", "3"})}}};
  const auto applied = machines_->Apply(jobs).value();
  ASSERT_THAT(applied, SizeIs(2));
  EXPECT_EQ(applied[0].partition, kP0);
  EXPECT_EQ(applied[1].partition, kP5);
  EXPECT_THAT(applied[1].outcomes, ElementsAre(testing::Field(&Outcome::what, What{Written{1}}),
                                               testing::Field(&Outcome::what, What{Written{2}})));
  EXPECT_EQ(applied[1].keys, 1U);
  store_->Crash(/*surviving_batches=*/1);
  EXPECT_EQ(store_->Get(kP0, 1, "a").value(), (StoredValue{1, "2"}));
  EXPECT_EQ(store_->Get(kP5, 1, "x").value(), (StoredValue{2, "3"}));
}

TEST_F(StateMachinesTest, FailedWriteIsAnError) {
  store_->FailNextWrite(MakeStatus(StatusCode::kInternal, "disk on fire"));
  const ApplyJob job{kP0, {Log(kP0, PutMutation{"a", "1"})}};
  EXPECT_EQ(Message(machines_->Apply(std::span(&job, 1)).status()), "disk on fire");
}

// However much of the store the crash left, the log brings it to the same end.
TEST_F(StateMachinesTest, RecoveryReplaysExactlyWhatTheCrashTookAway) {
  const std::vector<Mutation> history = {PutMutation{"a", "1"}, PutMutation{"b", "2"},
                                         DeleteMutation{"a"}, PutMutation{"b", "3"},
                                         DeleteMutation{"absent"}};
  for (size_t surviving = 0; surviving <= history.size(); ++surviving) {
    SCOPED_TRACE(surviving);
    StartOver();
    for (const Mutation& mutation : history) Write(kP5, mutation);
    Crash(surviving);
    const auto recovered = Recover();
    ASSERT_THAT(recovered, SizeIs(1));
    EXPECT_EQ(recovered[0].partition, kP5);
    EXPECT_EQ(recovered[0].restored.last, 5U);
    EXPECT_EQ(recovered[0].restored.terms.back().term, 1U);
    EXPECT_EQ(recovered[0].keys, 1U);
    EXPECT_EQ(Read(kP5, "a"), std::nullopt);
    EXPECT_EQ(Read(kP5, "b"), (StoredValue{4, "3"}));
    const auto record = store_->Applied(kP5, storage::Store::Tier::kLatest).value().value();
    EXPECT_EQ(record.index, 5U);
    EXPECT_EQ(record.keys, 1U);
    EXPECT_EQ(record.value_bytes, 2U);
  }
}

TEST_F(StateMachinesTest, RecoveryOfNothingIsNothing) {
  EXPECT_THAT(Recover(), IsEmpty());
}

TEST_F(StateMachinesTest, SystemGroupIsNoPartition) {
  const storage::GroupWrite write{
      .group = kSystemGroup, .hard_state = {}, .entries = {{1, 1, "a topology"}}};
  ASSERT_TRUE(log_->Append(std::span(&write, 1)).ok());
  EXPECT_THAT(Recover(), IsEmpty());
}

TEST_F(StateMachinesTest, NothingMayBeTruncatedBeforeAFlush) {
  Write(kP0, PutMutation{"a", "1"});
  Crash();
  (void)Recover();
  EXPECT_EQ(store_->Applied(kP0, storage::Store::Tier::kFlushed).value(), std::nullopt);
}

TEST_F(StateMachinesTest, FlushSaysUpToWhereTheLogMayBeTruncated) {
  Write(kP0, PutMutation{"a", "1"});
  Write(kP5, PutMutation{"x", "1"});
  Write(kP5, PutMutation{"y", "2"});
  EXPECT_THAT(machines_->Flush().value(), ElementsAre(Through(kP0, 1), Through(kP5, 2)));
}

TEST_F(StateMachinesTest, TruncatedLogAndFlushedStoreRecoverTogether) {
  Write(kP5, PutMutation{"x", "1"});
  Write(kP5, PutMutation{"y", "2"});
  const auto truncations = machines_->Flush().value();
  for (const auto& truncation : truncations) {
    ASSERT_TRUE(log_->TruncatePrefix(GroupOf(truncation.partition), truncation.through).ok());
  }
  Write(kP5, PutMutation{"z", "3"});
  Crash();
  const auto recovered = Recover();
  ASSERT_THAT(recovered, SizeIs(1));
  EXPECT_EQ(recovered[0].restored.last, 3U);
  EXPECT_EQ(recovered[0].keys, 3U);
  EXPECT_EQ(Read(kP5, "z"), (StoredValue{3, "3"}));
}

TEST_F(StateMachinesTest, LogTruncatedToItsEndRecovers) {
  Write(kP5, PutMutation{"x", "1"});
  (void)machines_->Flush().value();
  ASSERT_TRUE(log_->TruncatePrefix(GroupOf(kP5), 1).ok());
  Crash();
  const auto recovered = Recover();
  ASSERT_THAT(recovered, SizeIs(1));
  EXPECT_EQ(recovered[0].restored.last, 1U);
  EXPECT_EQ(recovered[0].restored.terms.back().term, 1U);
}

TEST_F(StateMachinesTest, OpeningLeavesTheRestOfTheLogToRaft) {
  for (int i = 0; i < 3; ++i) Write(kP5, PutMutation{"x", std::to_string(i)});
  Crash(/*batches=*/2);
  const auto opened = machines_->Open(log_->Groups().value()).value();
  ASSERT_THAT(opened, SizeIs(1));
  EXPECT_EQ(opened[0].partition, kP5);
  EXPECT_EQ(machines_->applied(kP5).index, 2U);
  EXPECT_EQ(machines_->applied(kP0).index, 0U);
  EXPECT_EQ(Read(kP5, "x"), (StoredValue{2, "1"}));
}

TEST_F(StateMachinesTest, OpeningBringsTheSessionsBack) {
  const auto request = [&](Index index) {
    const Command command{.id = RequestId{.client = 9, .sequence = 1},
                          .mutation = IncrementMutation{"n", 1}};
    const ApplyJob job{kP5, {Entry{index, 1, EncodeCommand(command)}}};
    return machines_->Apply(std::span(&job, 1)).value().front().outcomes.front();
  };
  EXPECT_FALSE(request(1).duplicate);
  ASSERT_TRUE(machines_->Flush().ok());
  Crash();
  const std::vector<storage::GroupExtent> extents = {{.group = GroupOf(kP5)}};
  EXPECT_EQ(machines_->Open(extents).value().front().clients, 1U);
  EXPECT_TRUE(request(2).duplicate);
  EXPECT_EQ(Read(kP5, "n")->value, "1");
}

TEST_F(StateMachinesTest, ADroppedPartitionWasNeverApplied) {
  Write(kP0, PutMutation{"a", "kept", {}});
  Write(kP5, PutMutation{"a", "dropped", {}});
  ASSERT_TRUE(machines_->Flush().ok());
  ASSERT_TRUE(machines_->Drop(kP5).ok());
  EXPECT_EQ(machines_->applied(kP5), storage::AppliedRecord());
  EXPECT_EQ(machines_->Read(kP5, "a").value(), std::nullopt);
  EXPECT_EQ(machines_->Read(kP0, "a").value()->value, "kept");
  ASSERT_TRUE(machines_->FlushData().ok());
  store_->Crash();
  EXPECT_THAT(store_->Partitions().value(), ElementsAre(kP0));
}

// The process died between the tombstone, in the log, and the drop of the data.
TEST_F(StateMachinesTest, OpeningDropsTheDataOfARemovedReplica) {
  Write(kP0, PutMutation{"a", "kept", {}});
  Write(kP5, PutMutation{"a", "left", {}});
  ASSERT_TRUE(machines_->Flush().ok());
  const storage::GroupWrite removal{.group = GroupOf(kP5), .remove = ReplicaId{3}};
  ASSERT_TRUE(log_->Append({&removal, 1}).ok());
  Crash();
  const auto opened = machines_->Open(log_->Groups().value()).value();
  EXPECT_THAT(opened, SizeIs(1));
  store_->Crash();
  EXPECT_THAT(store_->Partitions().value(), ElementsAre(kP0));
}

TEST_F(StateMachinesTest, APartitionWithoutItsLogIsRefused) {
  Write(kP0, PutMutation{"x", "1"});
  Write(kP5, PutMutation{"x", "1"});
  StateMachines restarted(*store_);
  const std::vector<storage::GroupExtent> extents = {{.group = GroupOf(kP0)}};
  const Status status = restarted.Open(extents).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("partition 5 has data and no log"));
}

}  // namespace
}  // namespace kvd::partition
