// How replicas come and go, and what reconciles them, on the wire.

#include <gtest/gtest.h>

#include "server/rpc/convert.h"
#include "tests/unit/server/rpc/frame_values.h"
#include "tests/unit/server/rpc/some_membership.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

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
