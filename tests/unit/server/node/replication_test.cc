// Three replicas of everything: when a write is done, when a read is true, and what a minority
// says. n2 owns the key.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::StartsWith;

class ReplicationTest : public ::testing::Test {
 protected:
  [[nodiscard]] PartitionId partition() const { return world_.PartitionOfKey(key_); }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

// Writes.

TEST_F(ReplicationTest, WriteIsAnsweredOnlyWhenAMajorityHasItDurable) {
  world_.HoldLog(kN1);
  world_.HoldLog(kN3);
  const CallId put = world_.Put(kN2, key_, "1");
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
  world_.ReleaseLog(kN3);
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
}

TEST_F(ReplicationTest, OwnersOwnDiskCountsOnlyWhenItHasTheWrite) {
  world_.HoldLog(kN2);
  world_.HoldLog(kN1);
  const CallId put = world_.Put(kN2, key_, "1");
  EXPECT_THAT(world_.AnswerTo(put), IsNull()) << "n3 alone has it";
  world_.ReleaseLog(kN2);
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
}

TEST_F(ReplicationTest, SlowFollowerDoesNotSlowTheOthers) {
  world_.HoldLog(kN3);
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(world_.OutcomeOf(world_.Put(kN1, key_, "v")), StartsWith("written"));
  }
}

TEST_F(ReplicationTest, FollowersApplyTheSame) {
  for (int i = 0; i < 10; ++i) (void)world_.Increment(kN1, key_, i);
  (void)world_.Delete(kN3, world_.KeyIn(partition(), 3));
  world_.Pass(200ms);
  EXPECT_EQ(world_.DigestOf(kN1, partition()), world_.DigestOf(kN2, partition()));
  EXPECT_EQ(world_.DigestOf(kN3, partition()), world_.DigestOf(kN2, partition()));
}

TEST_F(ReplicationTest, FollowerThatWasAwayCatchesUpFromTheLogOnDisk) {
  world_.Kill(kN3);
  const std::string value(100'000, 'v');  // More than is kept in memory for followers.
  for (int i = 0; i < 20; ++i) (void)world_.Put(kN1, world_.KeyIn(partition(), i), value);
  world_.Restart(kN3);
  world_.Pass(1s);
  EXPECT_EQ(world_.DigestOf(kN3, partition()), world_.DigestOf(kN2, partition()));
}

// Reads.

TEST_F(ReplicationTest, ReadNeedsTheConfirmationOfAMajority) {
  const Version version = world_.VersionOf(world_.Put(kN2, key_, "v"));
  world_.Cut(kN2, kN1);
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN2, key_)), FoundAt("v", version)) << "n3 confirms";
  world_.Cut(kN2, kN3);
  EXPECT_THAT(world_.AnswerTo(world_.Get(kN2, key_)), IsNull());
}

// n2 does not know yet that it is replaced. What it has is old: it must not be shown.
TEST_F(ReplicationTest, IsolatedOldOwnerAnswersNoRead) {
  (void)world_.Put(kN2, key_, "old");
  world_.Freeze(kN2);
  const CallId put = world_.Put(kN1, key_, "new");
  (void)world_.Await(put);
  const Version version = world_.VersionOf(put);
  world_.Isolate(kN2);
  world_.Thaw(kN2);
  const CallId isolated = world_.Get(kN2, key_);
  EXPECT_THAT(world_.AnswerTo(isolated), IsNull());
  world_.Pass(100ms);
  EXPECT_THAT(world_.AnswerTo(isolated), IsNull());
  world_.Heal();
  EXPECT_EQ(world_.InTime(isolated), FoundAt("new", version));
}

TEST_F(ReplicationTest, ReadSeesWhatWasAcknowledgedBeforeItWhoeverIsAsked) {
  for (int i = 0; i < 5; ++i) {
    const Version version = world_.VersionOf(world_.Put(kN3, key_, std::to_string(i)));
    for (const NodeId node : world_.nodes()) {
      EXPECT_EQ(world_.OutcomeOf(world_.Get(node, key_)), FoundAt(std::to_string(i), version));
    }
  }
}

TEST_F(ReplicationTest, ConfirmedReadWaitsUntilWhatItMustSeeIsApplied) {
  world_.HoldApplier(kN2);
  const CallId put = world_.Put(kN2, key_, "v");
  const CallId get = world_.Get(kN2, key_);
  world_.Pass(50ms);
  EXPECT_THAT(world_.AnswerTo(get), IsNull());
  world_.ReleaseApplier(kN2);
  EXPECT_EQ(world_.OutcomeOf(get), FoundAt("v", world_.VersionOf(put)));
}

TEST_F(ReplicationTest, StaleReadIsAnsweredByAnyReplicaAloneAndSaysHowStaleItMayBe) {
  const Version version = world_.VersionOf(world_.Put(kN2, key_, "v"));
  world_.Pass(500ms);
  const Operation stale{.key = key_, .action = Get{.stale = true}};
  const CallId fresh = world_.Call(kN3, stale);
  EXPECT_EQ(world_.OutcomeOf(fresh), FoundAt("v", version));
  EXPECT_EQ(world_.AnswerTo(fresh)->hops, 0U);
  const auto stale_by = std::get<Found>(world_.ResultOf(fresh)).stale_by;
  ASSERT_TRUE(stale_by);
  EXPECT_LE(*stale_by, Duration(400ms));

  world_.Isolate(kN3);
  (void)world_.Put(kN1, key_, "newer");
  world_.Pass(2s);
  const CallId isolated = world_.Call(kN3, stale);
  EXPECT_EQ(world_.OutcomeOf(isolated), FoundAt("v", version));
  EXPECT_GE(*std::get<Found>(world_.ResultOf(isolated)).stale_by, Duration(2s));
}

TEST_F(ReplicationTest, StaleReadAtTheOwnerIsNotStale) {
  (void)world_.Put(kN2, key_, "v");
  const CallId get = world_.Call(kN2, {.key = key_, .action = Get{.stale = true}});
  EXPECT_EQ(std::get<Found>(world_.ResultOf(get)).stale_by, Duration(0));
}

// n2 was deposed while it stood still. What it says of the past must not count as of now.
TEST_F(ReplicationTest, BoundOfAStaleReadHoldsWhileOwnersChange) {
  std::map<std::string, Instant> acknowledged;  // By value.
  int value = 0;
  std::vector<std::pair<CallId, Instant>> reads;
  const auto run = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const CallId put = world_.Put(kN1, key_, std::to_string(++value));
      world_.Pass(20ms);
      const auto* answer = world_.AnswerTo(put);
      const bool written = answer != nullptr && std::holds_alternative<Written>(answer->result);
      if (written) acknowledged[std::to_string(value)] = world_.now();
      reads.emplace_back(world_.Call(kN3, {.key = key_, .action = Get{.stale = true}}),
                         world_.now());
    }
  };
  run(20);
  world_.Freeze(kN2);
  run(60);
  world_.Thaw(kN2);
  run(40);
  world_.Isolate(kN3);
  run(20);
  world_.Heal();
  run(40);
  for (const auto& [call, asked_at] : reads) {
    if (world_.AnswerTo(call) == nullptr) continue;
    const auto* found = std::get_if<Found>(&world_.ResultOf(call));
    if (found == nullptr || !found->stale_by) continue;
    // Whatever was acknowledged before the bound is seen: no later value was, by then.
    for (const auto& [text, at] : acknowledged) {
      if (std::stoi(text) <= std::stoi(found->value)) continue;
      EXPECT_GE(at, asked_at - *found->stale_by) << text << " is newer than " << found->value;
    }
  }
}

// Without a majority.

class MinorityTest : public ReplicationTest {
 protected:
  MinorityTest() {
    world_.Kill(kN2);
    world_.Kill(kN3);
  }

  [[nodiscard]] std::string Said(PartitionId partition, const std::string& end) const {
    return "NO_MAJORITY: partition " + std::to_string(partition.value) +
           " has no majority: 1 of 3 replicas up (" + Down(partition) + "); " + end;
  }

  // The others, in ring order.
  [[nodiscard]] std::string Down(PartitionId partition) const {
    std::string down;
    for (const auto& replica : world_.topology().ring[partition.value]) {
      if (replica.node == kN1) continue;
      down += (down.empty() ? "" : "; ") + world_.topology().Find(replica.node)->card.name +
              ": connection refused";
    }
    return down;
  }

  const Duration patience_ = world_.OptionsOf(kN1).majority_patience;
};

TEST_F(MinorityTest, WriteAndReadAreRefusedWithTheReason) {
  world_.Pass(5s);
  for (const NodeId owner : world_.nodes()) {
    const std::string key = world_.KeyOf(owner);
    const CallId put = world_.Put(kN1, key, "1");
    const CallId get = world_.Get(kN1, key);
    EXPECT_LE(world_.Await(get), patience_ + 20ms);
    EXPECT_EQ(world_.OutcomeOf(put), Said(world_.PartitionOfKey(key), "not written"));
    EXPECT_EQ(world_.OutcomeOf(get), Said(world_.PartitionOfKey(key), "not read"));
  }
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

TEST_F(MinorityTest, WhoIsAskedAtOnceSaysSoInTimeToo) {
  const CallId put = world_.Put(kN1, key_, "1");
  EXPECT_LE(world_.Await(put), patience_ + 20ms);
  EXPECT_EQ(world_.OutcomeOf(put), Said(partition(), "not written"));
}

TEST_F(MinorityTest, OldOwnerRefusesReadsAndCannotKnowOfWrites) {
  const std::string own = world_.KeyOf(kN1);
  const CallId put = world_.Put(kN1, own, "1");
  const CallId get = world_.Get(kN1, own);
  EXPECT_LE(world_.Await(get), Duration(2s));
  EXPECT_EQ(world_.RefusalOf(get).reason, Reason::kNoMajority);
  (void)world_.Await(put);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
}

TEST_F(MinorityTest, MajorityThatComesInTimeIsWaitedFor) {
  world_.Pass(5s);
  const CallId put = world_.Put(kN1, key_, "1");
  world_.Restart(kN2);
  EXPECT_LE(world_.Await(put), Duration(1s));
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
}

TEST_F(MinorityTest, StaleReadsAreServed) {
  world_.Pass(5s);
  const CallId get = world_.Call(kN1, {.key = key_, .action = Get{.stale = true}});
  EXPECT_EQ(world_.OutcomeOf(get), "absent");
}

// Restarts.

TEST_F(ReplicationTest, ClusterThatLostPowerHasEverythingThatWasAcknowledged) {
  std::map<std::string, Version> versions;
  for (int i = 0; i < 30; ++i) {
    const std::string key = "k" + std::to_string(i);
    versions[key] = world_.VersionOf(world_.Put(kN1, key, key));
    if (i == 10) world_.Flush(kN1);
    if (i == 20) world_.Flush(kN2);
  }
  for (const NodeId node : world_.nodes()) world_.Kill(node);
  for (const NodeId node : world_.nodes()) world_.Restart(node);
  for (const auto& [key, version] : versions) {
    EXPECT_EQ(world_.InTime(world_.Get(kN3, key)), FoundAt(key, version));
  }
}

TEST_F(ReplicationTest, LogGivesUpWhatTheFlushBeforeTheLastCovers) {
  for (int i = 0; i < 10; ++i) (void)world_.Put(kN2, key_, std::to_string(i));
  const auto first_of = [this] {
    const auto extents = world_.log(kN2).Groups().value();
    for (const auto& extent : extents) {
      if (extent.group == GroupOf(partition())) return extent.first;
    }
    return Index{0};
  };
  world_.Flush(kN2);
  EXPECT_EQ(first_of(), 1U) << "followers that are a little behind are served from it";
  const Version last = world_.VersionOf(world_.Put(kN2, key_, "last"));
  world_.Flush(kN2);
  EXPECT_EQ(first_of(), last) << "behind what the first flush covered";
  world_.Restart(kN2);
  EXPECT_EQ(world_.InTime(world_.Get(kN2, key_)), FoundAt("last", last));
}

TEST_F(ReplicationTest, RequestsAreKnownAgainAfterARestartOfAll) {
  const Operation increment{.key = key_,
                            .action = Increment{.by = 1},
                            .request_id = RequestId{.client = 7, .sequence = 1}};
  EXPECT_EQ(world_.OutcomeOf(world_.Call(kN1, increment)), "incremented to 1");
  for (const NodeId node : world_.nodes()) world_.Kill(node);
  for (const NodeId node : world_.nodes()) world_.Restart(node);
  EXPECT_EQ(world_.InTime(world_.Call(kN3, increment)), "incremented to 1");
  EXPECT_THAT(world_.InTime(world_.Get(kN2, key_)), StartsWith("found \"1\""));
}

}  // namespace
}  // namespace kvd::node
