// Writes of one group, drawn at random as a replica may ask for them: appended one by one to one
// log, and merged to another. Both logs must hold the same.

#include "server/storage/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "server/storage/memory_log.h"

namespace kvd::storage {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr GroupId kGroup{1};
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

GroupWrite Entries(Index from, Index to, Term term) {
  GroupWrite write{.group = kGroup};
  for (Index index = from; index <= to; ++index) {
    write.entries.push_back({.index = index, .term = term, .payload = std::to_string(term)});
  }
  return write;
}

GroupWrite Merged(GroupWrite first, GroupWrite second) {
  Merge(first, std::move(second));
  return first;
}

TEST(MergeTest, TheLaterHardStateStands) {
  GroupWrite first{.group = kGroup, .hard_state = HardState{.term = 1, .voted_for = ReplicaId{1}}};
  GroupWrite second{.group = kGroup, .hard_state = HardState{.term = 2, .voted_for = {}}};
  EXPECT_EQ(Merged(first, second).hard_state, second.hard_state);
  EXPECT_EQ(Merged(first, {.group = kGroup}).hard_state, first.hard_state);
}

TEST(MergeTest, LaterEntriesFollowOrTakeThePlaceOfEarlierOnes) {
  const auto terms = [](const GroupWrite& write) {
    std::string all;
    for (const Entry& entry : write.entries) all += entry.payload;
    return all;
  };
  EXPECT_EQ(terms(Merged(Entries(4, 6, 1), Entries(7, 8, 2))), "11122");
  EXPECT_EQ(terms(Merged(Entries(4, 6, 1), Entries(5, 5, 2))), "12");
  EXPECT_EQ(terms(Merged(Entries(4, 6, 1), Entries(3, 3, 2))), "2");
  EXPECT_EQ(terms(Merged(Entries(4, 6, 1), {.group = kGroup})), "111");
  EXPECT_EQ(terms(Merged({.group = kGroup}, Entries(4, 6, 1))), "111");
}

TEST(MergeTest, AResetTakesThePlaceOfEverythingBefore) {
  GroupWrite reset{.group = kGroup, .reset = GroupWrite::Reset{.index = 9, .term = 3}};
  EXPECT_THAT(Merged(Entries(4, 6, 1), reset).entries, IsEmpty());
  EXPECT_EQ(Merged(Entries(4, 6, 1), reset).reset, reset.reset);
  EXPECT_THAT(Merged(reset, Entries(10, 12, 3)).entries, SizeIs(3));
  GroupWrite later{.group = kGroup, .reset = GroupWrite::Reset{.index = 20, .term = 4}};
  EXPECT_EQ(Merged(reset, later).reset, later.reset);
}

TEST(MergeTest, ARemovalTakesThePlaceOfAllTheReplicaWrote) {
  GroupWrite first = Entries(4, 6, 1);
  first.hard_state = {.term = 7, .voted_for = {}};
  first.create = {.id = ReplicaId{3}, .initial = "i"};
  GroupWrite removal{.group = kGroup, .remove = ReplicaId{3}};
  const GroupWrite merged = Merged(first, removal);
  EXPECT_THAT(merged.entries, IsEmpty());
  EXPECT_FALSE(merged.hard_state || merged.create);
  EXPECT_EQ(merged.remove, ReplicaId{3});
  const GroupWrite next{.group = kGroup, .create = GroupWrite::Create{.id = ReplicaId{4}}};
  EXPECT_EQ(Merged(merged, next).create, next.create);
  EXPECT_EQ(Merged(merged, next).remove, ReplicaId{3});
}

// What a replica whose log is `extent` may ask for next.
GroupWrite DrawWrite(Random& random, const GroupExtent& extent, Term term) {
  if (random.Chance(50'000)) {
    GroupWrite write{.group = kGroup, .remove = ReplicaId{term}};
    if (random.Chance(500'000)) write.create = {.id = ReplicaId{term + 1}};
    return write;
  }
  if (random.Chance(100'000)) {
    GroupWrite reset{.group = kGroup};
    reset.reset = {.index = extent.first - 1 + random.Below(12), .term = term};
    if (random.Chance(500'000)) {
      const Index from = reset.reset->index + 1;
      reset.entries = Entries(from, from + random.Below(3), term).entries;
    }
    return reset;
  }
  GroupWrite write{.group = kGroup};
  if (random.Chance(300'000)) write.hard_state = {.term = term, .voted_for = ReplicaId{1}};
  if (random.Chance(200'000)) return write;
  const Index from = random.Between(extent.first, extent.last + 1);
  write.entries = Entries(from, from + random.Below(5), term).entries;
  return write;
}

void ExpectSame(const MemoryLog& one, const MemoryLog& other) {
  ASSERT_EQ(one.Groups().value(), other.Groups().value());
  const auto groups = one.Groups().value();
  if (groups.empty() || groups[0].last < groups[0].first) return;
  EXPECT_EQ(one.Read(kGroup, groups[0].first, groups[0].last, kNoLimit).value(),
            other.Read(kGroup, groups[0].first, groups[0].last, kNoLimit).value());
}

TEST(MergeTest, OneMergedWriteIsTheSameAsItsPartsInOrder) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    MemoryLog in_order;
    MemoryLog at_once;
    Term term = 1;
    for (int batch = 0; batch < 6; ++batch) {
      GroupWrite merged{.group = kGroup};
      for (uint64_t parts = random.Between(1, 5); parts > 0; --parts) {
        const auto groups = in_order.Groups().value();
        const GroupExtent extent = groups.empty() ? GroupExtent{.group = kGroup} : groups.front();
        term += 2;
        const GroupWrite part = DrawWrite(random, extent, term);
        ASSERT_TRUE(in_order.Append({&part, 1}).ok());
        Merge(merged, GroupWrite(part));
      }
      ASSERT_TRUE(at_once.Append({&merged, 1}).ok());
      ExpectSame(in_order, at_once);
    }
  }
}

TEST(MergeDeathTest, AGapIsABugOfOurs) {
  EXPECT_DEATH((void)Merged(Entries(4, 6, 1), Entries(8, 8, 1)), "from");
}

}  // namespace
}  // namespace kvd::storage
