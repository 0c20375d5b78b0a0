// Refusals as they travel: a code for generic retry policies, ErrorInfo for those who know kvd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "google/rpc/error_details.pb.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using ::testing::IsEmpty;

constexpr auto kLastReason = static_cast<int>(Reason::kInternal);

Refusal Overloaded() {
  return {.reason = Reason::kOverloaded,
          .message = "n1 is overloaded",
          .metadata = {{"node", "n1"}, {"field", "x"}},
          .retry_after = 1500ms};
}

// A status with one RetryInfo.
google::rpc::Status RetryIn(int64_t seconds, int32_t nanos) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  retry.mutable_retry_delay()->set_nanos(nanos);
  google::rpc::Status status;
  status.add_details()->PackFrom(retry);
  return status;
}

TEST(ErrorsTest, EveryReasonHasACodeAndComesBack) {
  for (int i = 0; i <= kLastReason; ++i) {
    const auto reason = static_cast<Reason>(i);
    const Refusal refusal{.reason = reason, .message = "m"};
    EXPECT_NE(ToGrpc(refusal).error_code(), StatusCode::OK) << reason;
    EXPECT_NE(ToGrpc(refusal).error_code(), StatusCode::UNKNOWN) << reason;
    EXPECT_EQ(FromProto(ToProto(refusal)).reason, reason);
  }
}

TEST(ErrorsTest, CodesTellRetryPoliciesWhatToDo) {
  const auto code = [](Reason reason) {
    return ToGrpc({.reason = reason, .message = "m"}).error_code();
  };
  EXPECT_EQ(code(Reason::kNoMajority), StatusCode::UNAVAILABLE);
  EXPECT_EQ(code(Reason::kNodeJoining), StatusCode::UNAVAILABLE);
  EXPECT_EQ(code(Reason::kOutcomeUnknown), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(code(Reason::kKeyTooLarge), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(Reason::kOverloaded), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(code(Reason::kWrongCluster), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(code(Reason::kBaseTooOld), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(code(Reason::kStaleRequest), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(code(Reason::kUnsafeChange), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(code(Reason::kDataDamaged), StatusCode::DATA_LOSS);
}

// A write that is certainly not done must not look like one that may be.
TEST(ErrorsTest, OnlyAnUnknownOutcomeIsADeadlineExceeded) {
  for (int i = 0; i <= kLastReason; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(
        ToGrpc({.reason = reason, .message = "m"}).error_code() == StatusCode::DEADLINE_EXCEEDED,
        reason == Reason::kOutcomeUnknown)
        << reason;
  }
}

TEST(ErrorsTest, RefusalComesBackAsItWas) {
  const Refusal back = FromProto(ToProto(Overloaded()));
  EXPECT_EQ(back.reason, Reason::kOverloaded);
  EXPECT_EQ(back.message, "n1 is overloaded");
  EXPECT_EQ(back.metadata, Overloaded().metadata);
  EXPECT_EQ(back.retry_after, Duration(1500ms));
}

TEST(ErrorsTest, DetailsAreThoseOfGoogleRpc) {
  const grpc::Status status = ToGrpc(Overloaded());
  EXPECT_EQ(status.error_message(), "n1 is overloaded");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), StatusCode::RESOURCE_EXHAUSTED);
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "kvd");
  EXPECT_EQ(info.reason(), "OVERLOADED");
  EXPECT_EQ(info.metadata().at("node"), "n1");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
}

TEST(ErrorsTest, WithoutADelayThereIsNoRetryInfo) {
  const Refusal refusal{.reason = Reason::kNotOwner, .message = "m"};
  EXPECT_EQ(ToProto(refusal).details_size(), 1);
  EXPECT_EQ(FromProto(ToProto(refusal)).retry_after, std::nullopt);
}

TEST(ErrorsTest, StatusThatIsNotOursIsInternalWithItsMessage) {
  google::rpc::Status status;
  status.set_message("Socket closed");
  google::rpc::ErrorInfo info;
  info.set_domain("example.com");
  info.set_reason("NOT_OWNER");
  status.add_details()->PackFrom(info);
  const Refusal refusal = FromProto(status);
  EXPECT_EQ(refusal.reason, Reason::kInternal);
  EXPECT_EQ(refusal.message, "Socket closed");
  EXPECT_THAT(refusal.metadata, IsEmpty());
}

TEST(ErrorsTest, ReasonOfALaterReleaseIsInternal) {
  google::rpc::ErrorInfo info;
  info.set_domain("kvd");
  info.set_reason("NOT_INVENTED_YET");
  google::rpc::Status status;
  status.add_details()->PackFrom(info);
  EXPECT_EQ(FromProto(status).reason, Reason::kInternal);
}

TEST(ErrorsTest, DetailThatCannotBeReadIsPassedOver) {
  google::rpc::Status status = ToProto(Overloaded());
  status.mutable_details(0)->set_value("\xff\xff\xff");
  EXPECT_EQ(FromProto(status).reason, Reason::kInternal);
  EXPECT_EQ(FromProto(status).retry_after, Duration(1500ms));
}

// A peer's nonsense must not overflow our arithmetic.
TEST(ErrorsTest, DelaysAreCutToBetweenNothingAndAYear) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(FromProto(RetryIn(kMost, 999'999'999)).retry_after, Duration(365 * 24h));
  EXPECT_EQ(FromProto(RetryIn(std::numeric_limits<int64_t>::min(), -1)).retry_after, Duration(0));
  EXPECT_EQ(FromProto(RetryIn(0, -5)).retry_after, Duration(0));
  EXPECT_EQ(FromProto(RetryIn(0, 50'000'000)).retry_after, Duration(50ms));
}

}  // namespace
}  // namespace kvd::rpc
