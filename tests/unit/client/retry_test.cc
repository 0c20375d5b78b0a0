// Retry is told how tries ended, one line each, and asked what is known.

#include "client/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Step = Retry::Step;

constexpr Retry::Options kWrite{
    .writes = true, .persistent = true, .timeout = 5s, .try_timeout = 300ms};
constexpr Retry::Options kRepeated{
    .writes = true, .sent_before = true, .persistent = true, .timeout = 5s, .try_timeout = 300ms};
constexpr Retry::Options kRead{.persistent = true, .timeout = 5s, .try_timeout = 300ms};
constexpr Retry::Options kLook{.timeout = 5s, .try_timeout = 300ms};

Error Refused(Reason reason) {
  return {.kind = ErrorKind::kRefused,
          .reason = reason,
          .message = std::string(ReasonName(reason)),
          .endpoint = "n:1"};
}

Error Silent(ErrorKind kind) {
  return {.kind = kind, .message = "no answer from n:1", .endpoint = "n:1", .timed_out = true};
}

const Error kLost = Silent(ErrorKind::kOutcomeUnknown);
const Error kLate = Silent(ErrorKind::kTimedOut);
const Error kBroke{.kind = ErrorKind::kOutcomeUnknown, .message = "n:1 broke off"};

Error Concluded(const Retry::Options& options, const std::vector<Error>& tries) {
  Retry retry(options, 1);
  for (const Error& error : tries) (void)retry.OnError(error);
  return retry.Conclude("ab:1@7");
}

TEST(RetryTest, WriteThatWasOnlyRefusedIsRefused) {
  const Error error = Concluded(kWrite, {Refused(Reason::kNotOwner), Refused(Reason::kNoMajority)});
  EXPECT_EQ(error.kind, ErrorKind::kRefused);
  EXPECT_EQ(error.reason, Reason::kNoMajority);
}

TEST(RetryTest, LaterRefusalDoesNotMakeALostWriteKnown) {
  const Error error = Concluded(kWrite, {kLost, Refused(Reason::kNoMajority)});
  EXPECT_EQ(error.kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(error.reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(error.metadata.at("request_id"), "ab:1@7");
  EXPECT_EQ(error.message, "no answer after 5s (NO_MAJORITY); the write may or may not be applied");
  const Error full = Concluded(kWrite, {kBroke, Refused(Reason::kDiskFull)});
  EXPECT_EQ(full.kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(full.message, "DISK_FULL; but it was sent before: the write may or may not be applied");
}

TEST(RetryTest, SilenceIsToldByTheTimeAlone) {
  EXPECT_EQ(Concluded(kWrite, {kLost}).message,
            "no answer after 5s; the write may or may not be applied");
  EXPECT_EQ(Concluded(kRead, {kLate}).message, "no answer after 5s from n:1");
  EXPECT_EQ(Concluded(kWrite, {kBroke}).message,
            "no answer after 5s (n:1 broke off); the write may or may not be applied");
}

TEST(RetryTest, BaseIsRenewedOnlyWhileNothingCanHaveBeenApplied) {
  Retry fresh(kWrite, 1);
  EXPECT_EQ(fresh.OnError(Refused(Reason::kNotOwner)), Step::kElsewhere);
  EXPECT_EQ(fresh.OnError(Refused(Reason::kBaseTooOld)), Step::kNewBase);
  Retry lost(kWrite, 1);
  EXPECT_EQ(lost.OnError(kLost), Step::kElsewhere);
  EXPECT_EQ(lost.OnError(Refused(Reason::kBaseTooOld)), Step::kStop);
  EXPECT_FALSE(lost.Conclude("ab:1@7").metadata.contains("request_id"));
  Retry repeated(kRepeated, 1);
  EXPECT_EQ(repeated.OnError(Refused(Reason::kBaseTooOld)), Step::kStop);
  EXPECT_EQ(repeated.Conclude("ab:1@7").kind, ErrorKind::kOutcomeUnknown);
}

TEST(RetryTest, RepetitionThatIsRefusedForNowIsAsUnknownAsBefore) {
  EXPECT_EQ(Concluded(kRepeated, {Refused(Reason::kNoMajority)}).kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(Concluded(kRepeated, {Refused(Reason::kValueTooLarge)}).kind, ErrorKind::kRefused);
}

TEST(RetryTest, WhatWasNeverSentIsUnreachable) {
  for (const auto& options : {kWrite, kRepeated, kRead}) {
    Retry retry(options, 1);
    retry.OnUnreachable({.kind = ErrorKind::kUnreachable, .message = "no endpoint answered"});
    EXPECT_FALSE(retry.MayAskAgain(/*has_connected=*/false));
    EXPECT_TRUE(retry.MayAskAgain(/*has_connected=*/true));
    EXPECT_EQ(retry.Conclude("").kind, ErrorKind::kUnreachable);
  }
}

TEST(RetryTest, LookAtTheClusterIsOneRound) {
  Retry retry(kLook, 1);
  EXPECT_EQ(retry.OnError(Refused(Reason::kNodeJoining)), Step::kElsewhere);
  EXPECT_FALSE(retry.MayAskAgain(/*has_connected=*/true));
}

TEST(RetryTest, TriesThatWereTooShortGetLonger) {
  Retry retry(kRead, 1);
  EXPECT_EQ(retry.TryTimeout(), 300ms);
  (void)retry.OnError(kLate);
  EXPECT_EQ(retry.TryTimeout(), 600ms);
  (void)retry.OnError(Refused(Reason::kNotOwner));
  EXPECT_EQ(retry.TryTimeout(), 600ms);
}

TEST(RetryTest, RefusedWriteIsNotMadeUnknownByATryTooShort) {
  Retry retry(kWrite, 1);
  EXPECT_EQ(retry.LeastTime(), 0ms);
  (void)retry.OnError(Refused(Reason::kNoMajority));
  EXPECT_GT(retry.LeastTime(), 0ms);
  (void)retry.OnError(kLost);
  EXPECT_EQ(retry.LeastTime(), 0ms);
}

TEST(RetryTest, PausesGrowAndStayShort) {
  Retry retry(kRead, 1);
  for (int i = 0; i < 20; ++i) {
    const Duration pause = retry.Pause();
    EXPECT_GT(pause, 0ms);
    EXPECT_LE(pause, i == 0 ? Retry::kFirstPause : Retry::kLongestPause);
  }
  Error overloaded = Refused(Reason::kOverloaded);
  overloaded.retry_after = 70ms;
  EXPECT_EQ(retry.OnError(overloaded), Step::kHere);
  EXPECT_EQ(retry.Pause(), Duration(70ms));
}

}  // namespace
}  // namespace kvd::client
