// Exit codes are a contract with scripts and service managers.

#include "server/daemon/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::daemon {
namespace {

ExitCode CodeFor(StatusCode code) {
  return StorageFailure(MakeStatus(code, "m")).code;
}

TEST(StorageFailureTest, EveryKindOfTroubleHasItsExitCode) {
  EXPECT_EQ(CodeFor(StatusCode::kUnavailable), kLocked);
  EXPECT_EQ(CodeFor(StatusCode::kFailedPrecondition), kConfiguration);
  EXPECT_EQ(CodeFor(StatusCode::kDataLoss), kDataDamaged);
  EXPECT_EQ(CodeFor(StatusCode::kPermissionDenied), kCannotCreate);
  EXPECT_EQ(CodeFor(StatusCode::kInternal), kIoError);
  EXPECT_EQ(CodeFor(StatusCode::kResourceExhausted), kIoError);
}

TEST(StorageFailureTest, SentenceIsKept) {
  EXPECT_EQ(StorageFailure(MakeStatus(StatusCode::kDataLoss, "the log is torn")).message,
            "the log is torn");
}

TEST(ExitCodeTest, CodesAreThoseOfSysexits) {
  EXPECT_EQ(kOk, 0);
  EXPECT_EQ(kUsage, 64);
  EXPECT_EQ(kDataDamaged, 65);
  EXPECT_EQ(kPortInUse, 69);
  EXPECT_EQ(kInternal, 70);
  EXPECT_EQ(kCannotCreate, 73);
  EXPECT_EQ(kIoError, 74);
  EXPECT_EQ(kLocked, 75);
  EXPECT_EQ(kNoPermission, 77);
  EXPECT_EQ(kConfiguration, 78);
}

}  // namespace
}  // namespace kvd::daemon
