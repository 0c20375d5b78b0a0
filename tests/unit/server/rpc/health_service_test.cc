// The health service on two servers that share one event loop, asked by gRPC's own client.
#include "server/rpc/health_service.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace kvd::rpc {
namespace {

namespace health_pb = ::grpc::health::v1;
using Response = health_pb::HealthCheckResponse;

class NothingIsDue final : public runtime::Watch {
 public:
  [[nodiscard]] Instant SleepUntil() override { return Instant::max(); }
  void RoundIfDue() override {}
  [[nodiscard]] bool Gather() override { return false; }
  void RoundOfGathered() override {}
  void StopWatching() override {}
};

class HealthServiceTest : public testing::Test {
 protected:
  HealthServiceTest() : first_(loop_), second_(loop_) {
    stubs_[0] = Serve(first_, servers_[0]);
    stubs_[1] = Serve(second_, servers_[1]);
    first_.Start();
    second_.Start();
    loop_.Start();
  }

  ~HealthServiceTest() override { End(); }

  void End() {
    if (std::exchange(ended_, true)) return;
    first_.Stop();
    second_.Stop();
    for (const auto& server : servers_) server->Shutdown();
    loop_.AwaitReported();
    loop_.Stop();
  }

  std::unique_ptr<health_pb::Health::Stub> Serve(HealthService& service,
                                                 std::unique_ptr<grpc::Server>& server) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service.service());
    server = loop_.Serve(builder);
    return health_pb::Health::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                          grpc::InsecureChannelCredentials()));
  }

  Response::ServingStatus Check(int server, const std::string& service) {
    grpc::ClientContext context;
    health_pb::HealthCheckRequest request;
    request.set_service(service);
    Response response;
    const grpc::Status status = stubs_[server]->Check(&context, request, &response);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) return Response::SERVICE_UNKNOWN;
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }

  bool ended_ = false;
  NothingIsDue watch_;
  EventLoop loop_{watch_};
  HealthService first_;
  HealthService second_;
  std::unique_ptr<grpc::Server> servers_[2];
  std::unique_ptr<health_pb::Health::Stub> stubs_[2];
};

TEST_F(HealthServiceTest, NothingIsServedAtFirst) {
  EXPECT_EQ(Check(0, ""), Response::NOT_SERVING);
  EXPECT_EQ(Check(0, "kvd.v1.KV"), Response::NOT_SERVING);
}

TEST_F(HealthServiceTest, KnowsTheServicesForClientsAndNoOthers) {
  first_.SetServing(true);
  loop_.AwaitReported();
  EXPECT_EQ(Check(0, ""), Response::SERVING);
  EXPECT_EQ(Check(0, "kvd.v1.KV"), Response::SERVING);
  EXPECT_EQ(Check(0, "kvd.v1.Cluster"), Response::SERVING);
  EXPECT_EQ(Check(0, "kvd.peer.v1.Peer"), Response::SERVICE_UNKNOWN);
}

TEST_F(HealthServiceTest, ServersThatShareALoopAnswerForThemselves) {
  second_.SetServing(true);
  loop_.AwaitReported();
  EXPECT_EQ(Check(0, ""), Response::NOT_SERVING);
  EXPECT_EQ(Check(1, ""), Response::SERVING);
}

TEST_F(HealthServiceTest, AWatchIsToldEveryChangeAndTheEnd) {
  grpc::ClientContext context;
  const auto watch = stubs_[1]->Watch(&context, health_pb::HealthCheckRequest());
  Response response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::NOT_SERVING);
  second_.SetServing(true);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::SERVING);
  second_.Stop();
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HealthServiceTest, WhatChangesAfterTheEndIsNobodysConcern) {
  End();
  first_.SetServing(true);
}

TEST_F(HealthServiceTest, AWatchOfAnUnknownServiceIsToldSo) {
  grpc::ClientContext context;
  health_pb::HealthCheckRequest request;
  request.set_service("nonsense");
  const auto watch = stubs_[0]->Watch(&context, request);
  Response response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::SERVICE_UNKNOWN);
}

TEST_F(HealthServiceTest, AWatcherThatLeavesHarmsNobody) {
  {
    grpc::ClientContext context;
    const auto watch = stubs_[0]->Watch(&context, health_pb::HealthCheckRequest());
    Response response;
    ASSERT_TRUE(watch->Read(&response));
    context.TryCancel();
    EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  first_.SetServing(true);
  loop_.AwaitReported();
  EXPECT_EQ(Check(0, ""), Response::SERVING);
}

}  // namespace
}  // namespace kvd::rpc
