#include "client/from_proto.h"

#include <gtest/gtest.h>

#include "kvd/v1/admin.pb.h"
#include "kvd/v1/cluster.pb.h"

namespace kvd::client {
namespace {

v1::GetRingResponse RingOf(int nodes, int partitions) {
  v1::GetRingResponse response;
  for (int i = 0; i < nodes; ++i) response.add_nodes()->set_name("n");
  for (int i = 0; i < partitions; ++i) response.add_partitions()->add_replicas(0);
  return response;
}

TEST(FromProtoTest, RingThatContradictsItselfIsRefused) {
  EXPECT_TRUE(FromProto(RingOf(1, 16)));
  EXPECT_FALSE(FromProto(RingOf(1, 15)));  // No power of two.
  EXPECT_FALSE(FromProto(RingOf(1, 0)));
  EXPECT_FALSE(FromProto(RingOf(0, 16)));  // Owners that are not listed.
  auto response = RingOf(2, 16);
  response.mutable_partitions(3)->set_owner(2);
  EXPECT_FALSE(FromProto(response));
  response = RingOf(2, 16);
  response.mutable_partitions(3)->add_replicas(7);
  EXPECT_FALSE(FromProto(response));
}

TEST(FromProtoTest, StateOfANewerNodeIsUnknown) {
  v1::GetStatusResponse response;
  response.add_nodes()->set_state(static_cast<v1::NodeState>(77));
  EXPECT_EQ(FromProto(response).nodes[0].state, NodeState::kUnknown);
}

TEST(FromProtoTest, NonsenseDurationsDoNotOverflow) {
  v1::GetStatusResponse response;
  response.add_nodes()->set_silent_ms(UINT64_MAX);
  EXPECT_GT(FromProto(response).nodes[0].silent, Duration::zero());
}

TEST(FromProtoTest, PlanThatContradictsItselfIsRefused) {
  EXPECT_TRUE(FromProto(v1::PlanResponse()));
  v1::PlanResponse nobody_takes;
  nobody_takes.add_transfers()->set_from("n1");
  EXPECT_FALSE(FromProto(nobody_takes));
  v1::PlanResponse to_itself;
  auto* transfer = to_itself.add_transfers();
  transfer->set_from("n1");
  transfer->set_to("n1");
  EXPECT_FALSE(FromProto(to_itself));
  transfer->clear_from();  // An additional copy.
  EXPECT_TRUE(FromProto(to_itself));
  v1::PlanResponse nobodys_share;
  nobodys_share.add_after()->set_replicas(3);
  EXPECT_FALSE(FromProto(nobodys_share));
  v1::PlanResponse loses_what_goes_on;
  loses_what_goes_on.add_exposures_before()->set_lost(1);
  EXPECT_FALSE(FromProto(loses_what_goes_on));
}

TEST(FromProtoTest, FailureOfANewerNodeIsUnknown) {
  using Of = Plan::Exposure::Of;
  v1::PlanResponse response;
  response.add_exposures_after()->set_stopped(2);
  response.add_exposures_after()->set_node("n1");
  response.add_exposures_after()->set_zone("");
  const auto plan = FromProto(response);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->after.exposures[0].of, Of::kUnknown);
  EXPECT_EQ(plan->after.exposures[1].of, Of::kNode);
  EXPECT_EQ(plan->after.exposures[1].name, "n1");
  EXPECT_EQ(plan->after.exposures[2].of, Of::kZone);
}

TEST(FromProtoTest, AnswerWithoutItsJobIsRefused) {
  v1::JobResponse response;
  EXPECT_FALSE(FromProto(response));
  response.mutable_job();
  EXPECT_TRUE(FromProto(response));
  response.mutable_job()->add_nodes("");
  EXPECT_FALSE(FromProto(response));
  v1::ListJobsResponse list;
  *list.add_jobs() = response.job();
  EXPECT_FALSE(FromProto(list));
}

TEST(FromProtoTest, MoreCopiesLeftThanThereWereAreNoneDone) {
  v1::JobResponse response;
  response.mutable_job()->set_copies(3);
  response.mutable_job()->set_copies_left(5);
  response.mutable_job()->set_age_ms(UINT64_MAX);
  EXPECT_EQ(FromProto(response)->copies_done(), 0U);
  EXPECT_GT(FromProto(response)->age, Duration::zero());
}

}  // namespace
}  // namespace kvd::client
