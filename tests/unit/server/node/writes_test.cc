// Conditions, increments, batches and request ids, at one node that owns everything.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

class WritesTest : public ::testing::Test {
 protected:
  CallId PutIf(const std::string& key, const std::string& value, Version version) {
    return world_.Call(kN1, {.key = key, .action = Put{.value = value, .if_version = version}});
  }

  CallId DeleteIf(const std::string& key, Version version) {
    return world_.Call(kN1, {.key = key, .action = Delete{.if_version = version}});
  }

  CallId Write(std::vector<BatchItem> items) {
    Operation operation;
    if (!items.empty()) operation.key = items.front().key;
    operation.action = Batch{.items = std::move(items)};
    return world_.Call(kN1, std::move(operation));
  }

  std::string Read(const std::string& key) { return world_.OutcomeOf(world_.Get(kN1, key)); }

  // The `n`th key of one partition.
  [[nodiscard]] std::string Key(int n) const { return world_.KeyIn(PartitionId{5}, n); }

  static BatchItem PutItem(const std::string& key, const std::string& value,
                           std::optional<Version> if_version = {}) {
    return {.key = key, .action = Put{.value = value, .if_version = if_version}};
  }

  World world_{1};
};

// Conditions.

TEST_F(WritesTest, PutIfAbsentWritesOnlyWhatIsNotThere) {
  const Version version = world_.VersionOf(PutIf("a", "1", 0));
  EXPECT_EQ(world_.OutcomeOf(PutIf("a", "2", 0)), "mismatch at " + std::to_string(version));
  EXPECT_EQ(Read("a"), FoundAt("1", version));
}

TEST_F(WritesTest, PutIfVersionWritesOnlyOverThatVersion) {
  EXPECT_EQ(world_.OutcomeOf(PutIf("a", "1", 5)), "mismatch at 0");
  const Version first = world_.VersionOf(world_.Put(kN1, "a", "1"));
  const Version second = world_.VersionOf(PutIf("a", "2", first));
  EXPECT_EQ(world_.OutcomeOf(PutIf("a", "3", first)), "mismatch at " + std::to_string(second));
  EXPECT_EQ(Read("a"), FoundAt("2", second));
}

TEST_F(WritesTest, DeleteIfVersionDeletesOnlyThatVersion) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", "1"));
  EXPECT_EQ(world_.OutcomeOf(DeleteIf("a", version + 1)), "mismatch at " + std::to_string(version));
  EXPECT_THAT(world_.OutcomeOf(DeleteIf("a", version)), StartsWith("written"));
  EXPECT_EQ(Read("a"), "absent");
  EXPECT_EQ(world_.OutcomeOf(DeleteIf("a", version)), "mismatch at 0");
  EXPECT_EQ(world_.OutcomeOf(DeleteIf("a", 0)), "absent");
}

TEST_F(WritesTest, MismatchNamesTheKey) {
  (void)world_.Put(kN1, "a", "1");
  const Result result = world_.ResultOf(PutIf("a", "2", 0));
  EXPECT_EQ(std::get<Mismatch>(result).key, "a");
}

// Increments.

TEST_F(WritesTest, IncrementAddsToWhatIsThereAndToNothing) {
  EXPECT_EQ(world_.OutcomeOf(world_.Increment(kN1, "a", 5)), "incremented to 5");
  EXPECT_EQ(world_.OutcomeOf(world_.Increment(kN1, "a", -7)), "incremented to -2");
  EXPECT_THAT(Read("a"), StartsWith("found \"-2\""));
}

TEST_F(WritesTest, IncrementOfWhatIsNoNumberIsRefusedAndWritesNothing) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", "12x"));
  const CallId increment = world_.Increment(kN1, "a");
  EXPECT_EQ(world_.OutcomeOf(increment),
            "BAD_REQUEST: the value is not a decimal 64-bit number; not written");
  EXPECT_THAT(world_.RefusalOf(increment).metadata, Contains(Pair("field", "value")));
  EXPECT_EQ(Read("a"), FoundAt("12x", version));
}

TEST_F(WritesTest, IncrementThatWouldOverflowIsRefusedAndWritesNothing) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  (void)world_.Increment(kN1, "a", kMost);
  const CallId increment = world_.Increment(kN1, "a");
  EXPECT_EQ(world_.OutcomeOf(increment),
            "BAD_REQUEST: the sum does not fit a 64-bit number; not written");
  EXPECT_THAT(world_.RefusalOf(increment).metadata, Contains(Pair("field", "by")));
  EXPECT_THAT(Read("a"), StartsWith("found \"" + std::to_string(kMost)));
}

// Batches.

TEST_F(WritesTest, BatchIsWrittenWholeUnderOneVersion) {
  (void)world_.Put(kN1, Key(2), "old");
  const Version version = world_.VersionOf(
      Write({PutItem(Key(0), "a"), PutItem(Key(1), "b"), {.key = Key(2), .action = Delete{}}}));
  EXPECT_EQ(Read(Key(0)), FoundAt("a", version));
  EXPECT_EQ(Read(Key(1)), FoundAt("b", version));
  EXPECT_EQ(Read(Key(2)), "absent");
}

TEST_F(WritesTest, BatchOfWhichOneConditionFailsWritesNothing) {
  const Version version = world_.VersionOf(world_.Put(kN1, Key(1), "old"));
  const CallId batch = Write({PutItem(Key(0), "a"), PutItem(Key(1), "b", 0)});
  EXPECT_EQ(world_.OutcomeOf(batch), "mismatch at " + std::to_string(version));
  EXPECT_EQ(std::get<Mismatch>(world_.ResultOf(batch)).key, Key(1));
  EXPECT_EQ(Read(Key(0)), "absent");
  EXPECT_EQ(Read(Key(1)), FoundAt("old", version));
}

TEST_F(WritesTest, BatchOfTwoPartitionsIsRefused) {
  const std::string other = world_.KeyIn(PartitionId{6});
  EXPECT_EQ(world_.OutcomeOf(Write({PutItem(Key(0), "a"), PutItem(other, "b")})),
            "BAD_REQUEST: keys \"" + Key(0) + "\" and \"" + other +
                "\" are in different partitions (5 and 6); a batch is atomic within one partition "
                "only");
  EXPECT_EQ(Read(Key(0)), "absent");
}

TEST_F(WritesTest, BatchWithOneKeyTwiceIsRefused) {
  EXPECT_EQ(world_.OutcomeOf(Write({PutItem(Key(0), "a"), {.key = Key(0), .action = Delete{}}})),
            "BAD_REQUEST: key \"" + Key(0) + "\" is twice in the batch");
}

TEST_F(WritesTest, BatchHasOneToAThousandItems) {
  EXPECT_EQ(world_.OutcomeOf(Write({})),
            "BAD_REQUEST: a batch has 1 to 1000 items, this one has 0");
  EXPECT_EQ(world_.OutcomeOf(Write(std::vector<BatchItem>(1001, PutItem(Key(0), "a")))),
            "BAD_REQUEST: a batch has 1 to 1000 items, this one has 1001");
}

TEST_F(WritesTest, BatchGoesByTheKeyOfItsFirstItem) {
  Operation operation{.key = Key(1), .action = Batch{.items = {PutItem(Key(0), "a")}}};
  EXPECT_EQ(world_.RefusalOf(world_.Call(kN1, std::move(operation))).reason, Reason::kBadRequest);
}

TEST_F(WritesTest, BatchOfFourMebibytesIsTheLargest) {
  const std::string value((1U << 20U) - 10, 'v');
  std::vector<BatchItem> items;
  for (int i = 0; i < 4; ++i) items.push_back(PutItem(Key(i), value));
  EXPECT_THAT(world_.OutcomeOf(Write(items)), StartsWith("written"));
  items.push_back(PutItem(Key(4), value));
  EXPECT_THAT(world_.OutcomeOf(Write(items)),
              AllOf(StartsWith("BAD_REQUEST: the batch is"), HasSubstr("the limit is 4 MiB")));
}

TEST_F(WritesTest, ItemsAreHeldToTheLimitsOfKeysAndValues) {
  EXPECT_EQ(world_.RefusalOf(Write({PutItem(std::string(4097, 'k'), "v")})).reason,
            Reason::kKeyTooLarge);
  EXPECT_EQ(world_.RefusalOf(Write({PutItem(Key(0), std::string((1U << 20U) + 1, 'v'))})).reason,
            Reason::kValueTooLarge);
  EXPECT_EQ(world_.RefusalOf(Write({PutItem("", "v")})).reason, Reason::kBadRequest);
}

// Request ids.

class RequestIdTest : public ::testing::Test {
 protected:
  static Operation IncrementOf(const std::string& key, const RequestId& id) {
    return {.key = key, .action = Increment{.by = 1}, .request_id = id};
  }

  std::string Do(const std::string& key, const RequestId& id, NodeId node = kN1) {
    return world_.OutcomeOf(world_.Call(node, IncrementOf(key, id)));
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(RequestIdTest, SameIdIsAppliedOnceAndAnsweredAlikeWhereverItIsAsked) {
  for (int i = 0; i < 2; ++i) {
    for (const NodeId node : world_.nodes()) {
      EXPECT_EQ(Do(key_, {.client = 9, .sequence = 1}, node), "incremented to 1");
    }
  }
  EXPECT_EQ(Do(key_, {.client = 9, .sequence = 2}), "incremented to 2");
  EXPECT_EQ(Do(key_, {.client = 10, .sequence = 1}), "incremented to 3");
  EXPECT_EQ(Do(key_, {.client = 9, .sequence = 1}), "incremented to 1");
}

TEST_F(RequestIdTest, WhatTheClientCalledDoneIsStale) {
  EXPECT_EQ(Do(key_, {.client = 9, .sequence = 1}), "incremented to 1");
  EXPECT_EQ(Do(key_, {.client = 9, .sequence = 2, .done_below = 2}), "incremented to 2");
  const CallId stale = world_.Call(kN3, IncrementOf(key_, {.client = 9, .sequence = 1}));
  EXPECT_EQ(world_.OutcomeOf(stale),
            "STALE_REQUEST: the client has called everything below request 2 done; not applied by "
            "this call");
  EXPECT_THAT(world_.RefusalOf(stale).metadata, Contains(Pair("done_below", "2")));
}

TEST_F(RequestIdTest, WhatMayHaveBeenForgottenIsRefused) {
  constexpr uint64_t kMore = partition::Sessions::kMaxRecords + 10;
  for (uint64_t sequence = 1; sequence <= kMore; ++sequence) {
    ASSERT_EQ(Do(key_, {.client = 9, .sequence = sequence, .base = sequence}),
              "incremented to " + std::to_string(sequence));
  }
  const CallId old = world_.Call(kN3, IncrementOf(key_, {.client = 9, .sequence = 1}));
  EXPECT_THAT(world_.OutcomeOf(old), StartsWith("BASE_TOO_OLD: partition "));
  const std::string base = world_.RefusalOf(old).metadata.at("base");
  EXPECT_GT(std::stoull(base), 0U);
  const RequestId younger{.client = 9, .sequence = kMore + 1, .base = std::stoull(base)};
  EXPECT_EQ(Do(key_, younger), "incremented to " + std::to_string(kMore + 1));
}

}  // namespace
}  // namespace kvd::node
