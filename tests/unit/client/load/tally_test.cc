#include "client/load/tally.h"

#include <gtest/gtest.h>

namespace kvd::load {
namespace {

using client::Error;
using client::ErrorKind;
using std::chrono::milliseconds;

Ended Failed(ErrorKind kind, const std::string& message) {
  return {.error = Error{.kind = kind, .message = message}, .latency = milliseconds(5000)};
}

TEST(TallyTest, EveryOutcomeCountsOnceUnderItsKind) {
  Tally tally;
  tally.Record(Kind::kRead, {.latency = milliseconds(1)});
  tally.Record(Kind::kRead, {.latency = milliseconds(3), .in_time = false});
  tally.Record(Kind::kRead, {.latency = milliseconds(1), .absent = true});
  tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  tally.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "unknown"));
  tally.Record(Kind::kReadModifyWrite, {.latency = milliseconds(9), .conflicts = 2});
  const Outcomes& reads = tally.Of(Kind::kRead);
  EXPECT_EQ(reads.answered(), 3U);
  EXPECT_EQ(reads.in_time, 2U);
  EXPECT_EQ(reads.absent, 1U);
  EXPECT_EQ(reads.errors, 1U);
  EXPECT_EQ(reads.unknown, 0U);
  EXPECT_EQ(tally.Of(Kind::kUpdate).unknown, 1U);
  EXPECT_EQ(tally.Of(Kind::kUpdate).errors, 0U);
  EXPECT_EQ(tally.Of(Kind::kInsert).answered(), 0U);
  EXPECT_EQ(tally.Of(Kind::kReadModifyWrite).conflicts, 2U);
}

TEST(TallyTest, LatenciesAreOfWhatWasAnswered) {
  Tally tally;
  tally.Record(Kind::kRead, {.latency = milliseconds(1)});
  tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  EXPECT_EQ(tally.Of(Kind::kRead).latencies.max(), milliseconds(1));
}

TEST(TallyTest, UnknownOutcomeIsToldBeforeAnyOtherError) {
  Tally tally;
  EXPECT_FALSE(tally.first_error());
  tally.Record(Kind::kRead, Failed(ErrorKind::kRefused, "first"));
  tally.Record(Kind::kRead, Failed(ErrorKind::kRefused, "second"));
  EXPECT_EQ(tally.first_error()->message, "first");
  tally.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "unknown"));
  EXPECT_EQ(tally.first_error()->message, "unknown");
}

TEST(TallyTest, SumHasTheOutcomesOfAll) {
  Tally one;
  Tally other;
  one.Record(Kind::kRead, {.latency = milliseconds(1)});
  other.Record(Kind::kRead, {.latency = milliseconds(2)});
  other.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "unknown"));
  one.Add(other);
  EXPECT_EQ(one.Of(Kind::kRead).answered(), 2U);
  EXPECT_EQ(one.Of(Kind::kRead).in_time, 2U);
  EXPECT_EQ(one.Total().answered(), 2U);
  EXPECT_EQ(one.Total().failed(), 1U);
  EXPECT_EQ(one.Total().latencies.max(), milliseconds(2));
  EXPECT_EQ(one.first_error()->message, "unknown");
}

}  // namespace
}  // namespace kvd::load
