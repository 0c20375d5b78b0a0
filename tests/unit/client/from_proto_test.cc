#include "client/from_proto.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace kvd::client
