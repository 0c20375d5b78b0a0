#include "client/kvctl/failure.h"

#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using client::Error;
using client::ErrorKind;

ExitCode OfReason(Reason reason) {
  return ExitCodeOf({.kind = ErrorKind::kRefused, .reason = reason});
}

TEST(ExitCodeTest, KindDecidesWhereNobodyGaveAReason) {
  EXPECT_EQ(ExitCodeOf({.kind = ErrorKind::kBadRequest}), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf({.kind = ErrorKind::kUnreachable}), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeOf({.kind = ErrorKind::kTimedOut}), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf({.kind = ErrorKind::kOutcomeUnknown}), ExitCode::kOutcomeUnknown);
  EXPECT_EQ(ExitCodeOf({.kind = ErrorKind::kFault}), ExitCode::kError);
}

TEST(ExitCodeTest, ReasonsMapAsDocumented) {
  EXPECT_EQ(OfReason(Reason::kNoMajority), ExitCode::kRefused);
  EXPECT_EQ(OfReason(Reason::kNodeJoining), ExitCode::kRefused);
  EXPECT_EQ(OfReason(Reason::kBaseTooOld), ExitCode::kRefused);
  EXPECT_EQ(OfReason(Reason::kStaleRequest), ExitCode::kError);
  EXPECT_EQ(OfReason(Reason::kValueTooLarge), ExitCode::kLimit);
  EXPECT_EQ(OfReason(Reason::kOverloaded), ExitCode::kLimit);
  EXPECT_EQ(OfReason(Reason::kDiskFull), ExitCode::kLimit);
  EXPECT_EQ(OfReason(Reason::kBadRequest), ExitCode::kUsage);
  EXPECT_EQ(OfReason(Reason::kPermissionDenied), ExitCode::kNotPermitted);
  EXPECT_EQ(OfReason(Reason::kUnsafeChange), ExitCode::kUnsafe);
  EXPECT_EQ(OfReason(Reason::kJobConflict), ExitCode::kUnsafe);
  EXPECT_EQ(OfReason(Reason::kNotFound), ExitCode::kNotFound);
  EXPECT_EQ(OfReason(Reason::kDataDamaged), ExitCode::kDamaged);
  EXPECT_EQ(OfReason(Reason::kInternal), ExitCode::kError);
}

TEST(ExitCodeTest, WhatTimeMayMendIsPassing) {
  EXPECT_TRUE(IsPassing({.kind = ErrorKind::kUnreachable}));
  EXPECT_TRUE(IsPassing({.kind = ErrorKind::kTimedOut}));
  EXPECT_TRUE(IsPassing({.kind = ErrorKind::kRefused, .reason = Reason::kNoMajority}));
  EXPECT_TRUE(IsPassing({.kind = ErrorKind::kRefused, .reason = Reason::kOverloaded}));
  EXPECT_FALSE(IsPassing({.kind = ErrorKind::kRefused, .reason = Reason::kNotFound}));
  EXPECT_FALSE(IsPassing({.kind = ErrorKind::kRefused, .reason = Reason::kUnsafeChange}));
  EXPECT_FALSE(IsPassing({.kind = ErrorKind::kFault}));
}

TEST(FailureTest, JsonCarriesReasonMessageCodeAndMetadata) {
  const Failure failure = FromError({.kind = ErrorKind::kRefused,
                                     .reason = Reason::kValueTooLarge,
                                     .message = "value is 6.0 MiB",
                                     .metadata = {{"limit", "1048576"}, {"owner", "7"}}});
  EXPECT_EQ(FailureJson(failure),
            R"({"error":{"reason":"VALUE_TOO_LARGE","message":"value is 6.0 MiB","exit_code":9,)"
            R"("limit":1048576,"owner":"7"}})"
            "\n");
}

TEST(FailureTest, MetadataCannotReplaceWhatIsPromised) {
  const Failure failure{.exit_code = ExitCode::kError,
                        .reason = "INTERNAL",
                        .message = "m",
                        .metadata = {{"exit_code", "0"}}};
  EXPECT_EQ(FailureJson(failure),
            "{\"error\":{\"reason\":\"INTERNAL\",\"message\":\"m\",\"exit_code\":1}}\n");
}

TEST(FailureTest, TextCannotMoveTheCursor) {
  EXPECT_EQ(FailureText({.message = "a\x1b[2Jb\n"}, /*colour=*/false), "kvctl: a\\x1b[2Jb\\x0a\n");
}

}  // namespace
}  // namespace kvd::kvctl
