// How replicas come and go, and what reconciles them, on the wire.

#include <gtest/gtest.h>

#include "server/rpc/convert.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

const raft::Configuration kConfiguration{
    .voters = {{ReplicaId{1}, NodeId{1}}, {ReplicaId{2}, NodeId{2}}},
    .outgoing = {{ReplicaId{1}, NodeId{1}}},
    .learners = {{ReplicaId{9}, NodeId{3}}}};

node::GroupReport SomeReport() {
  return {.partition = PartitionId{2},
          .leader = {ReplicaId{1}, NodeId{1}},
          .term = 6,
          .configuration_index = 70,
          .settled = true,
          .configuration = kConfiguration,
          .members = {{.id = ReplicaId{1}, .behind = 0, .active = true, .snapshot = false},
                      {.id = ReplicaId{9}, .behind = 71, .active = false, .snapshot = true}},
          .bytes = 1000,
          .keys = 10};
}

node::Membership SomeMembership() {
  node::Membership all;
  all.not_here = {{GroupId{3}, ReplicaId{4}, true}, {GroupId{4}, ReplicaId{5}, false}};
  all.creates = {{GroupId{3}, ReplicaId{9}, kConfiguration}};
  all.inquiries = {{GroupId{3}, ReplicaId{8}}};
  all.removals = {{GroupId{3}, ReplicaId{8}, 70, 6}};
  all.reports = {SomeReport()};
  all.steps = {{.partition = PartitionId{2},
                .term = 6,
                .if_index = 70,
                .voters = kConfiguration.voters,
                .learners = kConfiguration.learners}};
  all.step_answers = {
      {.partition = PartitionId{2}, .term = 6, .if_index = 70, .result = node::StepTaken{71}}};
  return all;
}

peer_pb::Frame OnWire(node::Membership membership = SomeMembership()) {
  node::Frame frame;
  frame.envelope.from = topology::UuidOf(1);
  frame.membership = std::move(membership);
  return ToProto(std::move(frame));
}

TEST(ConvertMembershipTest, AllOfItComesBackAsItWas) {
  const auto back = FromProto(OnWire());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->membership, SomeMembership());
}

TEST(ConvertMembershipTest, EveryReasonComesBack) {
  for (int reason = 0; reason <= static_cast<int>(node::StepRefused::kOldEpoch); ++reason) {
    node::Membership membership;
    membership.step_answers = {{.partition = PartitionId{2},
                                .term = 6,
                                .if_index = 70,
                                .result = static_cast<node::StepRefused>(reason)}};
    EXPECT_EQ(FromProto(OnWire(membership))->membership, membership) << reason;
  }
}

// Malformed.

TEST(ConvertMembershipTest, AReplicaBeginsWithAConfiguration) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_membership()->mutable_creates(0)->set_initial("");
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertMembershipTest, AReportNamesAConfiguration) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_membership()->mutable_reports(0)->set_configuration("x");
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertMembershipTest, AStepIsTakenOrRefusedForAReason) {
  peer_pb::Frame frame = OnWire();
  peer_pb::StepAnswer& answer = *frame.mutable_membership()->mutable_step_answers(0);
  answer.clear_result();
  EXPECT_FALSE(FromProto(frame));
  answer.set_refused(static_cast<peer_pb::StepRefused>(peer_pb::StepRefused_MAX + 1));
  EXPECT_FALSE(FromProto(frame));
}

}  // namespace
}  // namespace kvd::rpc
