// What clients ask and are answered, field by field.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::ElementsAre;

const std::string kBytes = "\0\xff\x80"s;

Uuid SomeUuid() {
  Uuid uuid;
  uuid.bytes.fill(7);
  return uuid;
}

node::Answer AnswerOf(node::Result result) {
  return {.result = std::move(result), .partition = PartitionId{5}, .owner = "n2", .hops = 1};
}

TEST(ConvertClientTest, OperationsAreReadWithTheirBytes) {
  pb::GetRequest get;
  get.set_key(kBytes);
  get.set_omit_value(true);
  EXPECT_EQ(FromProto(get), (node::Operation{kBytes, node::Get{true}}));
  pb::PutRequest put;
  put.set_key(kBytes);
  put.set_value(kBytes);
  EXPECT_EQ(FromProto(put), (node::Operation{kBytes, node::Put{kBytes}}));
  pb::DeleteRequest del;
  del.set_key(kBytes);
  EXPECT_EQ(FromProto(del), (node::Operation{kBytes, node::Delete{}}));
}

TEST(ConvertClientTest, FoundValueIsAnswered) {
  pb::GetResponse out;
  ToProto(AnswerOf(node::Found{kBytes, 9}), out);
  EXPECT_TRUE(out.found());
  EXPECT_EQ(out.value(), kBytes);
  EXPECT_EQ(out.version(), 9U);
  EXPECT_EQ(out.served().partition(), 5U);
  EXPECT_EQ(out.served().owner(), "n2");
  EXPECT_EQ(out.served().hops(), 1U);
}

TEST(ConvertClientTest, AbsenceIsAnswered) {
  pb::GetResponse get;
  ToProto(AnswerOf(node::Absent{}), get);
  EXPECT_FALSE(get.found());
  EXPECT_EQ(get.version(), 0U);
  EXPECT_EQ(get.served().owner(), "n2");
  pb::DeleteResponse del;
  ToProto(AnswerOf(node::Absent{}), del);
  EXPECT_FALSE(del.found());
  EXPECT_EQ(del.version(), 0U);
}

TEST(ConvertClientTest, WritesAnswerTheirVersion) {
  pb::PutResponse put;
  ToProto(AnswerOf(node::Written{9}), put);
  EXPECT_EQ(put.version(), 9U);
  EXPECT_EQ(put.served().partition(), 5U);
  pb::DeleteResponse del;
  ToProto(AnswerOf(node::Written{10}), del);
  EXPECT_TRUE(del.found());
  EXPECT_EQ(del.version(), 10U);
}

TEST(ConvertClientDeathTest, PutIsWrittenOrRefused) {
  pb::PutResponse out;
  EXPECT_DEATH(ToProto(AnswerOf(node::Absent{}), out), "a put is written or refused");
}

node::ClusterView SomeView() {
  node::ClusterView view{
      .cluster = "demo",
      .cluster_id = SomeUuid(),
      .epoch = Epoch{3},
      .partitions = 16,
      .copies = 1,
      .replication_wished = 3,
      .self = {.name = "n1", .uuid = {}, .address = {}, .peer_address = {}, .zone = {}},
      .nodes = {},
      .waiting_for = "godot"};
  view.nodes.push_back(
      {.card =
           {.name = "n1", .uuid = SomeUuid(), .address = "a:1", .peer_address = "a:2", .zone = "z"},
       .state = node::NodeState::kUp,
       .owned = 4,
       .replicas = 5,
       .load = node::Load{.keys = 6, .disk_bytes = 7, .uptime = 8s, .version = "0.1"}});
  view.nodes.push_back(
      {.card = {.name = "n2", .uuid = {}, .address = {}, .peer_address = {}, .zone = {}},
       .state = node::NodeState::kDown,
       .silent = 2500ms,
       .silent_reason = "silent"});
  return view;
}

TEST(ConvertClientTest, StatusShowsAllThatIsKnown) {
  pb::GetStatusResponse out;
  ToProto(SomeView(), out);
  EXPECT_EQ(out.cluster(), "demo");
  EXPECT_EQ(out.cluster_id(), SomeUuid().ToBytes());
  EXPECT_EQ(out.epoch(), 3U);
  EXPECT_EQ(out.partitions(), 16U);
  EXPECT_EQ(out.replication(), 1U);
  EXPECT_EQ(out.replication_wished(), 3U);
  EXPECT_EQ(out.answered_by(), "n1");
  EXPECT_EQ(out.waiting_for(), "godot");
  ASSERT_EQ(out.nodes_size(), 2);
  const pb::NodeStatus& up = out.nodes(0);
  EXPECT_EQ(up.name(), "n1");
  EXPECT_EQ(up.uuid(), SomeUuid().ToBytes());
  EXPECT_EQ(up.address(), "a:1");
  EXPECT_EQ(up.peer_address(), "a:2");
  EXPECT_EQ(up.zone(), "z");
  EXPECT_EQ(up.state(), pb::NODE_STATE_UP);
  EXPECT_EQ(up.owned(), 4U);
  EXPECT_EQ(up.replicas(), 5U);
  EXPECT_EQ(up.load().keys(), 6U);
  EXPECT_EQ(up.load().disk_bytes(), 7U);
  EXPECT_EQ(up.load().uptime_ms(), 8000U);
  EXPECT_EQ(up.load().version(), "0.1");
  const pb::NodeStatus& down = out.nodes(1);
  EXPECT_EQ(down.state(), pb::NODE_STATE_DOWN);
  EXPECT_EQ(down.silent_ms(), 2500U);
  EXPECT_EQ(down.silent_reason(), "silent");
  EXPECT_FALSE(down.has_load());
}

TEST(ConvertClientTest, WhatIsNotKnownIsNotSent) {
  node::ClusterView view = SomeView();
  view.cluster_id = {};
  pb::GetStatusResponse out;
  ToProto(view, out);
  EXPECT_EQ(out.cluster_id(), "");
  EXPECT_EQ(out.nodes(1).uuid(), "");
}

TEST(ConvertClientTest, EveryNodeStateHasANumberOnTheWire) {
  using node::NodeState;
  const std::vector<std::pair<NodeState, pb::NodeState>> states = {
      {NodeState::kUp, pb::NODE_STATE_UP},
      {NodeState::kSuspect, pb::NODE_STATE_SUSPECT},
      {NodeState::kDown, pb::NODE_STATE_DOWN},
      {NodeState::kJoining, pb::NODE_STATE_JOINING},
      {NodeState::kDraining, pb::NODE_STATE_DRAINING}};
  for (const auto& [state, number] : states) {
    node::ClusterView view = SomeView();
    view.nodes[0].state = state;
    pb::GetStatusResponse out;
    ToProto(view, out);
    EXPECT_EQ(out.nodes(0).state(), number);
  }
}

TEST(ConvertClientTest, RingShowsPartitionsByPositionOfTheirNodes) {
  const node::RingView view{
      .cluster = SomeView(),
      .partitions = {{.replicas = {1, 0}, .owner = 1, .term = 4, .base = 9}, {.replicas = {0}}}};
  pb::GetRingResponse out;
  ToProto(view, out);
  EXPECT_EQ(out.cluster(), "demo");
  EXPECT_EQ(out.cluster_id(), SomeUuid().ToBytes());
  EXPECT_EQ(out.epoch(), 3U);
  EXPECT_EQ(out.replication(), 1U);
  ASSERT_EQ(out.nodes_size(), 2);
  EXPECT_EQ(out.nodes(0).name(), "n1");
  EXPECT_EQ(out.nodes(1).state(), pb::NODE_STATE_DOWN);
  ASSERT_EQ(out.partitions_size(), 2);
  EXPECT_THAT(out.partitions(0).replicas(), ElementsAre(1, 0));
  EXPECT_EQ(out.partitions(0).owner(), 1U);
  EXPECT_EQ(out.partitions(0).term(), 4U);
  EXPECT_EQ(out.partitions(0).base(), 9U);
  EXPECT_EQ(out.partitions(1).owner(), 0U);
}

}  // namespace
}  // namespace kvd::rpc
