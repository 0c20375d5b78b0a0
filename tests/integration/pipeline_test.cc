// Streams of KV.Pipeline to a real node, from a client that may do as it likes.

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "kvd/v1/kv.grpc.pb.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;
using v1::PipelineRequest;
using v1::PipelineResponse;
using Answers = std::map<uint64_t, PipelineResponse::Answer>;  // By tag.

std::string ReasonOf(const google::rpc::Status& refusal) {
  google::rpc::ErrorInfo info;
  for (const auto& detail : refusal.details()) {
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}

class PipelineStreamTest : public ::testing::Test {
 protected:
  PipelineStreamTest() : cluster_({.nodes = 1}), stub_(StubOf()) { Open(); }

  [[nodiscard]] std::unique_ptr<v1::KV::Stub> StubOf() const {
    return v1::KV::NewStub(
        grpc::CreateChannel(cluster_.address(1), grpc::InsecureChannelCredentials()));
  }

  // A new stream; the old one is broken off.
  void Open() {
    if (context_ != nullptr) context_->TryCancel();
    stream_.reset();
    context_ = std::make_unique<grpc::ClientContext>();
    stream_ = stub_->Pipeline(context_.get());
  }

  static void AddPut(PipelineRequest& request, uint64_t tag, const std::string& key,
                     const std::string& value) {
    auto& operation = *request.add_operations();
    operation.set_tag(tag);
    operation.mutable_put()->set_key(key);
    operation.mutable_put()->set_value(value);
  }
  static void AddGet(PipelineRequest& request, uint64_t tag, const std::string& key) {
    auto& operation = *request.add_operations();
    operation.set_tag(tag);
    operation.mutable_get()->set_key(key);
  }

  // Reads until so many answers are there, or the stream ends.
  [[nodiscard]] Answers Read(size_t count) {
    Answers answers;
    PipelineResponse response;
    while (answers.size() < count && stream_->Read(&response)) {
      for (auto& answer : *response.mutable_answers()) {
        EXPECT_TRUE(answers.emplace(answer.tag(), std::move(answer)).second) << "answered twice";
      }
    }
    return answers;
  }

  Cluster cluster_{{.divided = true}};
  std::unique_ptr<v1::KV::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<PipelineRequest, PipelineResponse>> stream_;
};

TEST_F(PipelineStreamTest, EveryKindOfOperationIsAnsweredUnderItsTag) {
  PipelineRequest request;
  AddPut(request, 7, "k", "v");
  request.add_operations()->set_tag(8);
  request.mutable_operations(1)->mutable_increment()->set_key("n");
  auto& batch = *request.add_operations();
  batch.set_tag(9);
  batch.mutable_batch()->add_items()->set_key("b");
  batch.mutable_batch()->mutable_items(0)->mutable_put()->set_value("w");
  auto& gone = *request.add_operations();
  gone.set_tag(~uint64_t{0});
  gone.mutable_delete_()->set_key("absent");
  ASSERT_TRUE(stream_->Write(request));
  Answers answers = Read(4);
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_TRUE(answers[7].put().written());
  EXPECT_EQ(answers[8].increment().value(), 1);
  EXPECT_TRUE(answers[9].batch().written());
  EXPECT_TRUE(answers[~uint64_t{0}].has_delete_());
  EXPECT_FALSE(answers[~uint64_t{0}].delete_().found());

  PipelineRequest second;
  AddGet(second, 7, "k");
  ASSERT_TRUE(stream_->Write(second));
  EXPECT_EQ(Read(1)[7].get().value(), "v");
}

TEST_F(PipelineStreamTest, WhatMakesNoSenseIsRefusedAloneAndTheRestDone) {
  PipelineRequest request;
  request.add_operations()->set_tag(1);
  AddPut(request, 2, "k", "v");
  AddPut(request, 3, std::string(5000, 'k'), "v");
  ASSERT_TRUE(stream_->Write(request));
  Answers answers = Read(3);
  EXPECT_EQ(ReasonOf(answers[1].refusal()), "BAD_REQUEST");
  EXPECT_TRUE(answers[2].put().written());
  EXPECT_EQ(ReasonOf(answers[3].refusal()), "KEY_TOO_LARGE");
}

TEST_F(PipelineStreamTest, TheStreamEndsWhenEverythingIsAnswered) {
  PipelineRequest request;
  for (uint64_t tag = 0; tag < 500; ++tag) AddPut(request, tag, std::to_string(tag), "v");
  ASSERT_TRUE(stream_->Write(request));
  ASSERT_TRUE(stream_->WritesDone());
  EXPECT_EQ(Read(501).size(), 500U);
  const grpc::Status status = stream_->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(PipelineStreamTest, AMessageOfTooManyOperationsEndsTheStream) {
  PipelineRequest request;
  for (uint64_t tag = 0; tag < 1001; ++tag) AddGet(request, tag, "k");
  ASSERT_TRUE(stream_->Write(request));
  EXPECT_TRUE(Read(1).empty());
  const grpc::Status status = stream_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("1001 operations; send at most 1000"));
}

// 40 MB of answers to somebody who is slow to read them.
TEST_F(PipelineStreamTest, WhoReadsLateIsAnsweredLate) {
  constexpr uint64_t kReads = 400;
  PipelineRequest put;
  AddPut(put, 0, "large", std::string(100'000, 'v'));
  ASSERT_TRUE(stream_->Write(put));
  ASSERT_EQ(Read(1).size(), 1U);
  for (uint64_t tag = 1; tag <= kReads; ++tag) {
    PipelineRequest get;
    AddGet(get, tag, "large");
    ASSERT_TRUE(stream_->Write(get));
  }
  EXPECT_EQ(cluster_.ClientOf(1).Get("large")->entry->value.size(),
            100'000U);  // Others are served.
  Answers answers = Read(kReads);
  ASSERT_EQ(answers.size(), kReads);
  for (const auto& [tag, answer] : answers) EXPECT_EQ(answer.get().value().size(), 100'000U);
}

TEST_F(PipelineStreamTest, AClientThatBreaksOffHarmsNobody) {
  for (int i = 0; i < 20; ++i) {
    PipelineRequest request;
    for (uint64_t tag = 0; tag < 300; ++tag) AddPut(request, tag, std::to_string(tag), "v");
    ASSERT_TRUE(stream_->Write(request));
    if (i % 2 == 0) (void)Read(1);
    Open();
  }
  EXPECT_TRUE(cluster_.ClientOf(1).Put("k", "v").ok());
  EXPECT_EQ(cluster_.Stop(1), 0);
}

TEST_F(PipelineStreamTest, ANodeThatStopsEndsItsStreams) {
  PipelineRequest request;
  AddPut(request, 1, "k", "v");
  ASSERT_TRUE(stream_->Write(request));
  ASSERT_EQ(Read(1).size(), 1U);
  EXPECT_EQ(cluster_.Stop(1), 0);
  EXPECT_TRUE(Read(1).empty());
  const grpc::Status status = stream_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(ReasonOf(details), "NODE_DRAINING");
}

}  // namespace
}  // namespace kvd::testing
