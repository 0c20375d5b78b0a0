#include "client/translate.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace kvd::client {
namespace {

using ::testing::HasSubstr;

const SentCall kWrite{.writes = true, .endpoint = "n:1"};
const SentCall kRead{.writes = false, .endpoint = "n:1"};

grpc::Status Refusal(const std::string& domain, const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_domain(domain);
  info.set_reason(reason);
  (*info.mutable_metadata())["limit"] = "1048576";
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  google::rpc::Status rich;
  rich.add_details()->PackFrom(retry);
  rich.add_details()->PackFrom(info);
  return {grpc::StatusCode::UNAVAILABLE, "no", rich.SerializeAsString()};
}

TEST(TranslateTest, OurErrorInfoIsBelieved) {
  const Error error = Translate(Refusal("kvd", "OVERLOADED"), kWrite);
  EXPECT_EQ(error.kind, ErrorKind::kRefused);
  EXPECT_EQ(error.reason, Reason::kOverloaded);
  EXPECT_EQ(error.message, "no");
  EXPECT_EQ(error.metadata.at("limit"), "1048576");
  EXPECT_EQ(error.retry_after, std::chrono::milliseconds(250));
}

TEST(TranslateTest, ErrorInfoOfOthersIsNot) {
  EXPECT_EQ(Translate(Refusal("proxy", "OVERLOADED"), kWrite).kind, ErrorKind::kOutcomeUnknown);
}

TEST(TranslateTest, ReasonOfANewerNodeStillMeansNothingWasApplied) {
  EXPECT_EQ(Translate(Refusal("kvd", "TOO_WINDY"), kWrite).kind, ErrorKind::kRefused);
}

TEST(TranslateTest, NodeThatDoesNotKnowIsAnUnknownOutcomeForWritesOnly) {
  EXPECT_EQ(Translate(Refusal("kvd", "OUTCOME_UNKNOWN"), kWrite).kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(Translate(Refusal("kvd", "OUTCOME_UNKNOWN"), kRead).kind, ErrorKind::kTimedOut);
}

TEST(TranslateTest, WhateverElseEndsAWriteLeavesItUnknown) {
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED,
                          grpc::StatusCode::CANCELLED, grpc::StatusCode::UNKNOWN,
                          grpc::StatusCode::INTERNAL, grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    const Error error = Translate({code, "Socket closed"}, kWrite);
    EXPECT_EQ(error.kind, ErrorKind::kOutcomeUnknown) << code;
    EXPECT_EQ(error.timed_out, code == grpc::StatusCode::DEADLINE_EXCEEDED);
  }
}

TEST(TranslateTest, GarbledDetailsCountAsNone) {
  const grpc::Status garbled(grpc::StatusCode::UNAVAILABLE, "x", "\xff\xff garbage");
  EXPECT_EQ(Translate(garbled, kWrite).kind, ErrorKind::kOutcomeUnknown);
}

TEST(TranslateTest, BrokenReadIsUnreachableALateOneTimedOut) {
  const Error broken = Translate({grpc::StatusCode::UNAVAILABLE, "Socket closed"}, kRead);
  EXPECT_EQ(broken.kind, ErrorKind::kUnreachable);
  EXPECT_THAT(broken.message, HasSubstr("n:1 broke off without an answer (Socket closed)"));
  const Error late = Translate({grpc::StatusCode::DEADLINE_EXCEEDED, ""}, kRead);
  EXPECT_EQ(late.kind, ErrorKind::kTimedOut);
  EXPECT_TRUE(late.timed_out);
}

TEST(TranslateTest, UnimplementedMeansNothingWasApplied) {
  EXPECT_EQ(Translate({grpc::StatusCode::UNIMPLEMENTED, ""}, kWrite).kind, ErrorKind::kFault);
}

}  // namespace
}  // namespace kvd::client
