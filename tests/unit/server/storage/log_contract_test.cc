// What every Log promises, on the twin in memory and on the disk. Groups 1 and 2 write entries
// whose payload names them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "server/storage/log.h"
#include "tests/unit/server/storage/worlds.h"

namespace kvd::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr GroupId kGroup{1};
constexpr GroupId kOther{2};
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

std::vector<Entry> Entries(Index from, Index to, Term term) {
  std::vector<Entry> entries;
  for (Index i = from; i <= to; ++i) {
    entries.push_back(
        {.index = i, .term = term, .payload = std::to_string(i) + "@" + std::to_string(term)});
  }
  return entries;
}

GroupWrite Writes(GroupId group, Index from, Index to, Term term) {
  return {.group = group, .hard_state = {}, .entries = Entries(from, to, term)};
}

GroupWrite Votes(GroupId group, Term term, uint64_t replica) {
  return {.group = group,
          .hard_state = HardState{.term = term, .voted_for = ReplicaId{replica}},
          .entries = {}};
}

GroupWrite Resets(GroupId group, Index index, Term term) {
  return {.group = group, .reset = GroupWrite::Reset{.index = index, .term = term}};
}

GroupWrite Creates(GroupId group, uint64_t replica, const std::string& initial = "initial") {
  return {.group = group,
          .create = GroupWrite::Create{.id = ReplicaId{replica}, .initial = initial}};
}

GroupWrite Removes(GroupId group, uint64_t replica) {
  return {.group = group, .remove = ReplicaId{replica}};
}

template <typename World>
class LogContractTest : public ::testing::Test {
 protected:
  // Logs have threads, which a death test must not inherit half.
  LogContractTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  Log& log() { return world_.log(); }

  void Append(const std::vector<GroupWrite>& writes) {
    const Status appended = log().Append(writes);
    ASSERT_TRUE(appended.ok()) << appended;
  }

  std::vector<GroupExtent> Groups() { return log().Groups().value(); }

  std::vector<Entry> Read(GroupId group, Index from, Index to, uint64_t max_bytes = kNoLimit) {
    auto entries = log().Read(group, from, to, max_bytes);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.ok() ? *entries : std::vector<Entry>{};
  }

  void Truncate(GroupId group, Index through) {
    const Status truncated = log().TruncatePrefix(group, through);
    ASSERT_TRUE(truncated.ok()) << truncated;
  }

  World world_;
};

using Worlds = ::testing::Types<MemoryLogWorld, SegmentLogWorld>;
TYPED_TEST_SUITE(LogContractTest, Worlds);

TYPED_TEST(LogContractTest, ANewLogHasNoGroups) {
  EXPECT_THAT(this->Groups(), IsEmpty());
}

TYPED_TEST(LogContractTest, WhatWasAppendedIsRead) {
  this->Append({Writes(kGroup, 1, 3, 7)});
  EXPECT_EQ(this->Read(kGroup, 1, 3), Entries(1, 3, 7));
  EXPECT_EQ(this->Read(kGroup, 2, 2), Entries(2, 2, 7));
}

TYPED_TEST(LogContractTest, GroupsAreListedInOrderWithTheirExtents) {
  this->Append({Writes(kOther, 1, 2, 4), Votes(kGroup, 9, 5), Writes(kSystemGroup, 1, 1, 1)});
  EXPECT_THAT(
      this->Groups(),
      ElementsAre(
          GroupExtent{.group = kSystemGroup, .hard_state = {}, .last = 1, .last_term = 1},
          GroupExtent{.group = kGroup, .hard_state = {.term = 9, .voted_for = ReplicaId{5}}},
          GroupExtent{.group = kOther, .hard_state = {}, .last = 2, .last_term = 4}));
}

TYPED_TEST(LogContractTest, GroupsDoNotSeeEachOther) {
  this->Append({Writes(kGroup, 1, 5, 1), Writes(kOther, 1, 2, 3)});
  this->Append({Writes(kGroup, 2, 2, 2)});
  EXPECT_EQ(this->Read(kOther, 1, 2), Entries(1, 2, 3));
  this->Truncate(kOther, 2);
  EXPECT_EQ(this->Read(kGroup, 1, 1), Entries(1, 1, 1));
}

TYPED_TEST(LogContractTest, AnEmptyAppendCreatesNothing) {
  this->Append({});
  this->Append({GroupWrite{.group = kGroup, .hard_state = {}, .entries = {}}});
  EXPECT_THAT(this->Groups(), IsEmpty());
}

TYPED_TEST(LogContractTest, OverwritingDeletesTheSuffix) {
  this->Append({Writes(kGroup, 1, 10, 1)});
  this->Append({Writes(kGroup, 4, 5, 2)});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_THAT(this->Groups(), ElementsAre(GroupExtent{
                                    .group = kGroup, .hard_state = {}, .last = 5, .last_term = 2}));
    EXPECT_EQ(this->Read(kGroup, 1, 3), Entries(1, 3, 1));
    EXPECT_EQ(this->Read(kGroup, 4, 5), Entries(4, 5, 2));
    EXPECT_EQ(this->log().Read(kGroup, 6, 6, kNoLimit).status().code(), StatusCode::kOutOfRange);
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, WhatWasOverwrittenDoesNotComeBackUnderALongerLog) {
  this->Append({Writes(kGroup, 1, 10, 1)});
  this->Append({Writes(kGroup, 4, 4, 2)});
  this->Append({Writes(kGroup, 5, 12, 2)});
  EXPECT_EQ(this->Read(kGroup, 4, 12), Entries(4, 12, 2));
}

TYPED_TEST(LogContractTest, OneAppendMayWriteAGroupTwice) {
  this->Append({Writes(kGroup, 1, 5, 1), Writes(kGroup, 3, 3, 2)});
  EXPECT_EQ(this->Read(kGroup, 1, 2), Entries(1, 2, 1));
  EXPECT_EQ(this->Read(kGroup, 3, 3), Entries(3, 3, 2));
  EXPECT_EQ(this->Groups().front().last, 3U);
}

TYPED_TEST(LogContractTest, ReadIsBoundedByBytesAndGivesAtLeastOne) {
  this->Append({Writes(kGroup, 1, 9, 1)});  // Payloads of three bytes.
  EXPECT_THAT(this->Read(kGroup, 1, 9, 0), SizeIs(1));
  EXPECT_THAT(this->Read(kGroup, 1, 9, 6), SizeIs(2));
  EXPECT_THAT(this->Read(kGroup, 1, 9, 8), SizeIs(2));
  EXPECT_THAT(this->Read(kGroup, 8, 9, kNoLimit), SizeIs(2));
}

TYPED_TEST(LogContractTest, ReadOutsideTheExtentIsOutOfRange) {
  EXPECT_EQ(this->log().Read(kGroup, 1, 1, kNoLimit).status().code(), StatusCode::kOutOfRange);
  this->Append({Writes(kGroup, 1, 5, 1)});
  this->Truncate(kGroup, 2);
  EXPECT_EQ(this->log().Read(kGroup, 2, 3, kNoLimit).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(this->log().Read(kGroup, 5, 6, kNoLimit).status().code(), StatusCode::kOutOfRange);
}

TYPED_TEST(LogContractTest, TruncationForgetsThePrefixForGood) {
  this->Append({Writes(kGroup, 1, 6, 1)});
  this->Truncate(kGroup, 4);
  this->Truncate(kGroup, 2);  // Gone already: a no-op.
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_THAT(this->Groups(), ElementsAre(GroupExtent{.group = kGroup,
                                                        .hard_state = {},
                                                        .first = 5,
                                                        .last = 6,
                                                        .last_term = 1,
                                                        .previous_term = 1}));
    EXPECT_EQ(this->Read(kGroup, 5, 6), Entries(5, 6, 1));
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, AnEmptiedLogRemembersItsLastTerm) {
  this->Append({Writes(kGroup, 1, 6, 3)});
  this->Truncate(kGroup, 6);
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_THAT(this->Groups(), ElementsAre(GroupExtent{.group = kGroup,
                                                        .hard_state = {},
                                                        .first = 7,
                                                        .last = 6,
                                                        .last_term = 3,
                                                        .previous_term = 3}));
    this->world_.Crash();
  }
  this->Append({Writes(kGroup, 7, 7, 4)});
  EXPECT_EQ(this->Read(kGroup, 7, 7), Entries(7, 7, 4));
}

TYPED_TEST(LogContractTest, TheTermBeforeTheFirstEntryStaysKnown) {
  this->Append({Writes(kGroup, 1, 4, 2), Writes(kOther, 1, 1, 1)});
  this->Append({Writes(kGroup, 5, 8, 3)});
  this->Truncate(kGroup, 4);
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(this->Groups()[0].previous_term, 2U);
    EXPECT_EQ(this->Groups()[1].previous_term, 0U);
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, AVoteAloneIsAWrite) {
  this->Append({Writes(kGroup, 1, 3, 1)});
  this->Append({Votes(kGroup, 5, 2)});
  this->world_.Crash();
  EXPECT_THAT(this->Groups(),
              ElementsAre(GroupExtent{.group = kGroup,
                                      .hard_state = {.term = 5, .voted_for = ReplicaId{2}},
                                      .last = 3,
                                      .last_term = 1}));
  EXPECT_EQ(this->Read(kGroup, 1, 3), Entries(1, 3, 1));
}

TYPED_TEST(LogContractTest, AResetTakesThePlaceOfTheWholeLog) {
  for (const Index to : {Index{3}, Index{6}, Index{100}}) {  // Within, at the end, and beyond.
    TypeParam world;
    ASSERT_TRUE(world.log().Append(std::vector{Writes(kGroup, 1, 6, 2)}).ok());
    ASSERT_TRUE(
        world.log().Append(std::vector{Writes(kOther, 1, 2, 1), Resets(kGroup, to, 7)}).ok());
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_EQ(world.log().Groups().value().front(), (GroupExtent{.group = kGroup,
                                                                   .hard_state = {},
                                                                   .first = to + 1,
                                                                   .last = to,
                                                                   .last_term = 7,
                                                                   .previous_term = 7}));
      for (const Index gone : {Index{1}, Index{3}, Index{6}}) {
        EXPECT_EQ(world.log().Read(kGroup, gone, gone, kNoLimit).status().code(),
                  StatusCode::kOutOfRange);
      }
      world.Crash();
    }
    ASSERT_TRUE(world.log().Append(std::vector{Writes(kGroup, to + 1, to + 2, 8)}).ok());
    EXPECT_EQ(world.log().Read(kGroup, to + 1, to + 2, kNoLimit).value(),
              Entries(to + 1, to + 2, 8));
  }
}

TYPED_TEST(LogContractTest, EntriesOfAResetComeAfterIt) {
  this->Append({Writes(kGroup, 1, 9, 2)});
  GroupWrite write = Resets(kGroup, 5, 3);
  write.entries = Entries(6, 7, 4);
  write.hard_state = HardState{.term = 4, .voted_for = ReplicaId{1}};
  this->Append({write});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(this->Groups().front(),
              (GroupExtent{.group = kGroup,
                           .hard_state = {.term = 4, .voted_for = ReplicaId{1}},
                           .first = 6,
                           .last = 7,
                           .last_term = 4,
                           .previous_term = 3}));
    EXPECT_EQ(this->Read(kGroup, 6, 7), Entries(6, 7, 4));
    EXPECT_EQ(this->log().Read(kGroup, 8, 9, kNoLimit).status().code(), StatusCode::kOutOfRange);
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, AResetOfAnUnknownGroupCreatesIt) {
  this->Append({Resets(kGroup, 40, 6)});
  this->world_.Crash();
  EXPECT_EQ(this->Groups().front().last, 40U);
  EXPECT_EQ(this->Groups().front().previous_term, 6U);
}

TYPED_TEST(LogContractTest, AReplicaIsKnownFromItsCreationOn) {
  this->Append({Creates(kGroup, 5), Writes(kOther, 1, 2, 1)});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(this->Groups().front(),
              (GroupExtent{.group = kGroup, .replica = ReplicaId{5}, .initial = "initial"}));
    EXPECT_EQ(this->Groups().back().replica, ReplicaId{});
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, ALogOlderThanItsNameKeepsWhatItHolds) {
  this->Append({Votes(kGroup, 3, 2), Writes(kGroup, 1, 4, 2)});
  this->Append({Creates(kGroup, 5)});
  this->Append({Creates(kGroup, 5)});
  this->world_.Crash();
  EXPECT_EQ(this->Groups().front(),
            (GroupExtent{.group = kGroup,
                         .hard_state = {.term = 3, .voted_for = ReplicaId{2}},
                         .last = 4,
                         .last_term = 2,
                         .replica = ReplicaId{5},
                         .initial = "initial"}));
  EXPECT_EQ(this->Read(kGroup, 1, 4), Entries(1, 4, 2));
}

TYPED_TEST(LogContractTest, ARemovedReplicaLeavesNothingButItsTombstone) {
  this->Append({Creates(kGroup, 5), Votes(kGroup, 3, 2), Writes(kGroup, 1, 4, 2)});
  this->Append({Removes(kGroup, 5), Writes(kOther, 1, 2, 1)});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(this->Groups().front(), (GroupExtent{.group = kGroup, .removed = ReplicaId{5}}));
    EXPECT_EQ(this->log().Read(kGroup, 1, 4, kNoLimit).status().code(), StatusCode::kOutOfRange);
    EXPECT_EQ(this->Read(kOther, 1, 2), Entries(1, 2, 1));
    this->world_.Crash();
  }
}

TYPED_TEST(LogContractTest, TheNextReplicaOfAGroupBeginsBlank) {
  this->Append({Creates(kGroup, 5), Votes(kGroup, 9, 2), Writes(kGroup, 1, 4, 2)});
  GroupWrite next = Removes(kGroup, 5);
  next.create = GroupWrite::Create{.id = ReplicaId{8}, .initial = "other"};
  next.entries = Entries(1, 2, 1);
  this->Append({next});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(this->Groups().front(), (GroupExtent{.group = kGroup,
                                                   .last = 2,
                                                   .last_term = 1,
                                                   .replica = ReplicaId{8},
                                                   .initial = "other",
                                                   .removed = ReplicaId{5}}));
    EXPECT_EQ(this->Read(kGroup, 1, 2), Entries(1, 2, 1));
    this->world_.StopCleanly();
  }
}

TYPED_TEST(LogContractTest, TombstonesOutliveEverySegment) {
  this->Append({Creates(kGroup, 7), Removes(kOther, 3)});
  for (Index index = 1; index <= 100; ++index) {
    this->Append({Writes(kGroup, index, index, 1)});
    this->Truncate(kGroup, index);
  }
  this->world_.Crash();
  EXPECT_EQ(this->Groups().front().replica, ReplicaId{7});
  EXPECT_EQ(this->Groups().front().initial, "initial");
  EXPECT_EQ(this->Groups().back(), (GroupExtent{.group = kOther, .removed = ReplicaId{3}}));
}

TYPED_TEST(LogContractTest, AReplicaUnderATombstoneStopsTheProcess) {
  this->Append({Removes(kGroup, 5)});
  const std::vector<GroupWrite> again = {Creates(kGroup, 5)};
  EXPECT_DEATH((void)this->log().Append(again), "removed");
}

TYPED_TEST(LogContractTest, ASecondReplicaOfAGroupStopsTheProcess) {
  this->Append({Creates(kGroup, 5)});
  const std::vector<GroupWrite> second = {Creates(kGroup, 6)};
  EXPECT_DEATH((void)this->log().Append(second), "one replica");
}

TYPED_TEST(LogContractTest, EntriesKeepTheirKind) {
  std::vector<Entry> entries = Entries(1, 3, 1);
  entries[1].kind = EntryKind::kConfiguration;
  this->Append({{.group = kGroup, .entries = entries}});
  this->world_.Crash();
  EXPECT_EQ(this->Read(kGroup, 1, 3), entries);
}

TYPED_TEST(LogContractTest, EverythingAppendedSurvivesACrash) {
  this->Append({Votes(kGroup, 3, 2), Writes(kOther, 1, 4, 2)});
  this->Append({Writes(kGroup, 1, 2, 3)});
  this->Append({Votes(kGroup, 4, 1)});
  const auto before = this->Groups();
  this->world_.Crash();
  EXPECT_EQ(this->Groups(), before);
  EXPECT_EQ(this->Groups().front().hard_state, (HardState{.term = 4, .voted_for = ReplicaId{1}}));
  EXPECT_EQ(this->Read(kGroup, 1, 2), Entries(1, 2, 3));
  EXPECT_EQ(this->Read(kOther, 1, 4), Entries(1, 4, 2));
}

TYPED_TEST(LogContractTest, ACleanStopKeepsEverything) {
  this->Append({Votes(kGroup, 3, 2), Writes(kGroup, 1, 4, 2)});
  this->world_.StopCleanly();
  this->Append({Writes(kGroup, 5, 5, 3)});
  this->world_.StopCleanly();
  EXPECT_EQ(this->Read(kGroup, 1, 4), Entries(1, 4, 2));
  EXPECT_EQ(this->Read(kGroup, 5, 5), Entries(5, 5, 3));
}

TYPED_TEST(LogContractTest, PayloadsAreAnyBytes) {
  std::string all(256, '\0');
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  const std::vector<Entry> entries = {
      {.index = 1, .term = 1, .payload = all},
      {.index = 2, .term = 1, .payload = ""},
      {.index = 3, .term = 1, .payload = std::string(1 << 20, 'x')}};
  this->Append({{.group = kGroup, .hard_state = {}, .entries = entries}});
  this->world_.Crash();
  EXPECT_EQ(this->Read(kGroup, 1, 3), entries);
}

TYPED_TEST(LogContractTest, AGapStopsTheProcess) {
  this->Append({Writes(kGroup, 1, 2, 1)});
  const std::vector<GroupWrite> gap = {Writes(kGroup, 4, 4, 1)};
  EXPECT_DEATH((void)this->log().Append(gap), "next");
}

TYPED_TEST(LogContractTest, AResetBelowWhatIsForgottenStopsTheProcess) {
  this->Append({Writes(kGroup, 1, 6, 1)});
  this->Truncate(kGroup, 4);
  const std::vector<GroupWrite> back = {Resets(kGroup, 3, 1)};
  EXPECT_DEATH((void)this->log().Append(back), "reset");
}

TYPED_TEST(LogContractTest, ATermThatGoesBackStopsTheProcess) {
  this->Append({Votes(kGroup, 3, 1)});
  const std::vector<GroupWrite> back = {Votes(kGroup, 2, 1)};
  EXPECT_DEATH((void)this->log().Append(back), "term");
}

}  // namespace
}  // namespace kvd::storage
