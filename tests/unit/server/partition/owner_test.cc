// The owner of partition 3 after a start with a log that ends at index 10. Tickets are 1, 2, ...

#include "server/partition/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr Ticket kFirst{1};
constexpr Ticket kSecond{2};
constexpr Ticket kThird{3};

const Mutation kPut = PutMutation{"k", "v"};

MATCHER_P(HasIndex, index, "") {
  return arg.index == static_cast<Index>(index);
}

class OwnerTest : public ::testing::Test {
 protected:
  std::vector<storage::Entry> Propose(std::vector<Ticket> tickets) {
    std::vector<storage::Entry> entries;
    for (const Ticket ticket : tickets) entries.push_back(owner_.Propose(ticket, kPut));
    return entries;
  }

  Owner owner_{{.partition = PartitionId{3}, .replica = ReplicaId{7}, .term = 5, .last = 10}};
};

TEST_F(OwnerTest, StartsWhereTheLogEnds) {
  EXPECT_EQ(owner_.last(), 10U);
  EXPECT_EQ(owner_.applied(), 10U);
  EXPECT_EQ(owner_.partition(), PartitionId{3});
  EXPECT_EQ(owner_.replica(), ReplicaId{7});
}

TEST_F(OwnerTest, EntriesFollowTheLogInItsTerm) {
  EXPECT_THAT(Propose({kFirst, kSecond}), ElementsAre(storage::Entry{11, 5, EncodeMutation(kPut)},
                                                      storage::Entry{12, 5, EncodeMutation(kPut)}));
  EXPECT_EQ(owner_.last(), 12U);
}

TEST_F(OwnerTest, OnlyWhatIsDurableIsCommitted) {
  (void)Propose({kFirst, kSecond, kThird});
  EXPECT_THAT(owner_.OnDurable(12), ElementsAre(HasIndex(11), HasIndex(12)));
  EXPECT_THAT(owner_.OnDurable(13), ElementsAre(HasIndex(13)));
}

TEST_F(OwnerTest, CommittedEntriesAreHandedOutOnce) {
  const auto proposed = Propose({kFirst});
  EXPECT_EQ(owner_.OnDurable(11), proposed);
  EXPECT_THAT(owner_.OnDurable(11), IsEmpty());
}

TEST_F(OwnerTest, OutcomesGoToWhoWaitsForThem) {
  (void)Propose({kSecond, kFirst});
  (void)owner_.OnDurable(12);
  const Outcome put{.index = 11, .what = Written{11}, .version = 11};
  const Outcome overwrite{.index = 12, .what = Written{12}, .version = 12};
  EXPECT_THAT(owner_.OnApplied({put}), ElementsAre(Pair(kSecond, put)));
  EXPECT_EQ(owner_.applied(), 11U);
  EXPECT_THAT(owner_.OnApplied({overwrite}), ElementsAre(Pair(kFirst, overwrite)));
  EXPECT_EQ(owner_.applied(), 12U);
}

using OwnerDeathTest = OwnerTest;

TEST_F(OwnerDeathTest, NothingIsAppliedBeforeItIsDurable) {
  (void)Propose({kFirst});
  EXPECT_DEATH((void)owner_.OnApplied({Outcome{.index = 11, .what = Nothing{}}}),
               "outcome.index <= durable_");
}

TEST_F(OwnerDeathTest, OutcomesLeaveNoGap) {
  (void)Propose({kFirst, kSecond});
  (void)owner_.OnDurable(12);
  EXPECT_DEATH((void)owner_.OnApplied({Outcome{.index = 12, .what = Nothing{}}}), "applied_ . 1");
}

TEST_F(OwnerDeathTest, WhatWasNotProposedCannotBeDurable) {
  EXPECT_DEATH((void)owner_.OnDurable(11), "index <= last_");
}

}  // namespace
}  // namespace kvd::partition
