// Log and data of partition 5 as crashes may leave them, and what Raft is to start from.

#include "server/partition/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/storage/memory_log.h"

namespace kvd::partition {
namespace {

using storage::AppliedRecord;
using storage::Entry;
using storage::GroupWrite;
using storage::HardState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using TermStart = raft::Restored::TermStart;

constexpr GroupId kGroup{6};

const raft::Configuration kInitial{
    .voters = {{ReplicaId{1}, NodeId{1}}}, .outgoing = {}, .learners = {}};
const raft::Configuration kLater{.voters = {{ReplicaId{1}, NodeId{1}}, {ReplicaId{2}, NodeId{2}}},
                                 .outgoing = {},
                                 .learners = {}};

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    Append({.group = kGroup, .hard_state = HardState{.term = 4, .voted_for = ReplicaId{2}}});
  }

  void Append(const GroupWrite& write) { ASSERT_TRUE(log_.Append({&write, 1}).ok()); }

  // Entries of `term`, each with its index as payload.
  void Append(Index from, Index to, Term term) {
    GroupWrite write{.group = kGroup};
    for (Index index = from; index <= to; ++index) {
      write.entries.push_back({.index = index, .term = term, .payload = std::to_string(index)});
    }
    Append(write);
  }

  StatusOr<LoadedReplica> Load(const AppliedRecord& applied) {
    return LoadReplica(log_, log_.Groups().value().front(), applied, kInitial);
  }

  storage::MemoryLog log_;
};

std::vector<Index> IndexesOf(const std::vector<Entry>& entries) {
  std::vector<Index> indexes;
  for (const Entry& entry : entries) indexes.push_back(entry.index);
  return indexes;
}

TEST_F(RecoveryTest, AFreshReplicaHasItsVoteAndNothingElse) {
  const auto loaded = Load({}).value();
  EXPECT_EQ(loaded.restored.hard_state, (HardState{.term = 4, .voted_for = ReplicaId{2}}));
  EXPECT_EQ(loaded.restored.configuration, kInitial);
  EXPECT_EQ(loaded.restored.applied, 0U);
  EXPECT_EQ(loaded.restored.first, 1U);
  EXPECT_EQ(loaded.restored.last, 0U);
  EXPECT_THAT(loaded.restored.terms, ElementsAre(TermStart{0, 0}));
  EXPECT_THAT(loaded.restored.tail, IsEmpty());
  EXPECT_FALSE(loaded.reset.has_value());
}

TEST_F(RecoveryTest, TheTailIsWhatIsNotApplied) {
  Append(1, 3, 1);
  Append(4, 5, 3);
  const auto loaded = Load({.index = 3, .term = 1}).value();
  EXPECT_EQ(loaded.restored.applied, 3U);
  EXPECT_EQ(loaded.restored.last, 5U);
  EXPECT_THAT(IndexesOf(loaded.restored.tail), ElementsAre(4, 5));
  EXPECT_THAT(loaded.restored.terms,
              ElementsAre(TermStart{0, 0}, TermStart{1, 1}, TermStart{4, 3}));
  EXPECT_EQ(loaded.entries, 5U);
  EXPECT_EQ(loaded.bytes, 5U);
}

TEST_F(RecoveryTest, ATruncatedLogBeginsWithTheTermBefore) {
  Append(1, 3, 1);
  Append(4, 6, 3);
  ASSERT_TRUE(log_.TruncatePrefix(kGroup, 4).ok());
  const auto loaded = Load({.index = 4, .term = 3}).value();
  EXPECT_EQ(loaded.restored.first, 5U);
  EXPECT_THAT(loaded.restored.terms, ElementsAre(TermStart{4, 3}));
  EXPECT_THAT(IndexesOf(loaded.restored.tail), ElementsAre(5, 6));
}

TEST_F(RecoveryTest, ALogTruncatedToItsEndIsLoaded) {
  Append(1, 3, 2);
  ASSERT_TRUE(log_.TruncatePrefix(kGroup, 3).ok());
  const auto loaded = Load({.index = 3, .term = 2}).value();
  EXPECT_EQ(loaded.restored.first, 4U);
  EXPECT_EQ(loaded.restored.last, 3U);
  EXPECT_THAT(loaded.restored.terms, ElementsAre(TermStart{3, 2}));
  EXPECT_FALSE(loaded.reset.has_value());
}

TEST_F(RecoveryTest, TheConfigurationIsThatOfTheData) {
  Append(1, 3, 1);
  const std::string bytes = raft::EncodeConfiguration(kLater);
  EXPECT_EQ(Load({.index = 3, .term = 1, .configuration = bytes})->restored.configuration, kLater);
  EXPECT_EQ(Load({.index = 3, .term = 1, .configuration = "\1junk"}).status().code(),
            StatusCode::kDataLoss);
}

TEST_F(RecoveryTest, ALongLogIsReadInChunks) {
  const std::string payload(1U << 20U, 'x');
  for (Index index = 1; index <= 11; ++index) {
    Append({.group = kGroup, .entries = {{.index = index, .term = 1, .payload = payload}}});
  }
  const auto loaded = Load({.index = 2, .term = 1}).value();
  EXPECT_EQ(loaded.entries, 11U);
  EXPECT_EQ(loaded.bytes, 11U << 20U);
  EXPECT_EQ(loaded.restored.tail.size(), 9U);
}

// The switch to the snapshot was durable, the reset of the log was not.
TEST_F(RecoveryTest, ALogBehindAnInstalledSnapshotIsReset) {
  Append(1, 3, 1);
  const auto loaded = Load({.index = 9, .term = 3, .snapshot_index = 9}).value();
  ASSERT_TRUE(loaded.reset.has_value());
  EXPECT_EQ(loaded.reset->group, kGroup);
  EXPECT_EQ(loaded.reset->reset, (GroupWrite::Reset{.index = 9, .term = 3}));
  EXPECT_FALSE(loaded.reset->hard_state.has_value());
  EXPECT_EQ(loaded.restored.first, 10U);
  EXPECT_EQ(loaded.restored.last, 9U);
  EXPECT_EQ(loaded.restored.applied, 9U);
  EXPECT_THAT(loaded.restored.terms, ElementsAre(TermStart{9, 3}));
  EXPECT_THAT(loaded.restored.tail, IsEmpty());

  Append(*loaded.reset);  // And from then on it is as always.
  const auto again = Load({.index = 9, .term = 3, .snapshot_index = 9}).value();
  EXPECT_FALSE(again.reset.has_value());
  EXPECT_EQ(again.restored.first, 10U);
}

TEST_F(RecoveryTest, ALogOfAnotherTermAtAnInstalledSnapshotIsReset) {
  Append(1, 9, 1);
  const auto loaded = Load({.index = 5, .term = 3, .snapshot_index = 5}).value();
  ASSERT_TRUE(loaded.reset.has_value());
  EXPECT_EQ(loaded.restored.last, 5U);
  EXPECT_THAT(loaded.restored.tail, IsEmpty());
}

TEST_F(RecoveryTest, ALogThatHoldsTheSnapshotsEntryIsKept) {
  Append(1, 9, 3);
  const auto loaded = Load({.index = 5, .term = 3, .snapshot_index = 5}).value();
  EXPECT_FALSE(loaded.reset.has_value());
  EXPECT_THAT(IndexesOf(loaded.restored.tail), ElementsAre(6, 7, 8, 9));
}

TEST_F(RecoveryTest, ATermThatOnlyTheSnapshotKnowsIsTakenOverWithoutAVote) {
  const auto loaded = Load({.index = 9, .term = 7, .snapshot_index = 9}).value();
  EXPECT_EQ(loaded.reset->hard_state, (HardState{.term = 7, .voted_for = ReplicaId{0}}));
  EXPECT_EQ(loaded.restored.hard_state, *loaded.reset->hard_state);
}

TEST_F(RecoveryTest, DataAheadOfItsLogIsRefused) {
  Append(1, 3, 1);
  const Status status = Load({.index = 9, .term = 1, .snapshot_index = 8}).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(Message(status),
            "the data is applied up to 9 of term 1, the log holds 1 to 3, the last of term 1; one "
            "of them is not this node's own: restore both, or empty the data directory");
}

TEST_F(RecoveryTest, ALogThatBeginsBehindItsDataIsRefused) {
  Append(1, 6, 1);
  ASSERT_TRUE(log_.TruncatePrefix(kGroup, 4).ok());
  EXPECT_EQ(Load({.index = 3, .term = 1}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Load({.index = 3, .term = 1, .snapshot_index = 3}).status().code(),
            StatusCode::kDataLoss);
}

TEST_F(RecoveryTest, DataOfAnotherTermThanItsLogIsRefused) {
  Append(1, 6, 2);
  EXPECT_EQ(Load({.index = 3, .term = 1}).status().code(), StatusCode::kDataLoss);
}

TEST_F(RecoveryTest, TermsThatGoBackAreDamage) {
  Append(1, 3, 2);
  Append(4, 4, 1);
  const Status status = Load({.index = 3, .term = 2}).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("log entry 4 is of term 1, the one before it of 2"));
}

TEST_F(RecoveryTest, DamagedEntriesAreRefusedBelowAndAboveTheApplied) {
  for (const Index damaged : {Index{2}, Index{5}}) {
    SCOPED_TRACE(damaged);
    Append(1, 6, 2);
    log_.DamageEntry(kGroup, damaged);
    EXPECT_EQ(Load({.index = 3, .term = 2}).status().code(), StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace kvd::partition
