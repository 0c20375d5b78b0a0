// Operations between nodes and their results: all of it comes back, and what is malformed drops the
// frame.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/rpc/convert.h"
#include "tests/unit/server/rpc/frame_values.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

const std::string kBytes = "\0\xff\x80"s;
constexpr auto kLeast = std::numeric_limits<int64_t>::min();

topology::Envelope SomeEnvelope() {
  topology::Envelope envelope;
  envelope.cluster_id = topology::UuidOf(0xcc);
  envelope.from = topology::UuidOf(1);
  return envelope;
}

node::Forward ForwardOf(node::Operation operation) {
  return {.id = 5,
          .remaining = 1500ms,
          .partition = PartitionId{7},
          .replica = ReplicaId{8},
          .operation = std::move(operation)};
}

peer_pb::Frame OnWire(node::Operation operation) {
  node::Frame frame;
  frame.envelope = SomeEnvelope();
  frame.forwards.push_back(ForwardOf(std::move(operation)));
  return ToProto(frame);
}

peer_pb::Frame OnWire(node::ForwardReply reply) {
  node::Frame frame;
  frame.envelope = SomeEnvelope();
  frame.replies.push_back(std::move(reply));
  return ToProto(frame);
}

node::Batch SomeBatch() {
  node::Batch batch;
  batch.items.push_back({.key = kBytes, .action = node::Put{.value = kBytes, .if_version = 3}});
  batch.items.push_back({.key = "b", .action = node::Put{.value = ""}});
  batch.items.push_back({.key = "c", .action = node::Delete{.if_version = 0}});
  batch.items.push_back({.key = "d", .action = node::Delete{}});
  return batch;
}

node::Operation Asked(decltype(node::Administer::request) request) {
  return {.key = {}, .action = node::Administer{std::move(request)}};
}

node::PlanView SomePlan() {
  return {.transfers = {{"n1", "n4", 3, 4}, {"", "n5", 1, 2}},
          .copies = 4,
          .minimum_copies = 3,
          .bytes = 6,
          .time = 1500ms,
          .before = {.shares = {{"n1", "a", 7, 8}},
                     .fullest = 1010,
                     .failures = {{"n1", false, 1, 2}, {"a", true, 3, 4}},
                     .copies = 2},
          .after = {.shares = {{"n1", "a", 5, 6}, {"n4", "", 5, 6}},
                    .fullest = 1000,
                    .failures = {{"b", true, 0, 9}},
                    .copies = 3}};
}

node::GroupView SomeGroup() {
  return {.partition = PartitionId{7},
          .owner = "n1",
          .copies = {{"n1", node::CopyRole::kVoter, true, true, 0},
                     {"n2", node::CopyRole::kLearner, false, true, 9},
                     {"n3", node::CopyRole::kMissing, true, false, 0}},
          .bytes = 3,
          .keys = 2,
          .reason = "n3 is silent"};
}

node::JobView SomeJob() {
  return {.id = topology::JobId{3},
          .kind = topology::JobKind::kRebalance,
          .stage = node::JobStage::kAborted,
          .nodes = {"n1", "n2"},
          .asked_by = "me",
          .copies = 9,
          .copies_left = 8,
          .bytes_done = 7,
          .bytes_left = 6,
          .bytes_per_second = 5,
          .age = 4ms,
          .left = 3ms,
          .reason = "n2 is silent"};
}

std::vector<node::Operation> Operations() {
  return {
      {.key = kBytes, .action = node::Get{}},
      {.key = kBytes, .action = node::Get{.omit_value = true, .stale = true}},
      {.key = kBytes, .action = node::Put{.value = kBytes}},
      {.key = kBytes, .action = node::Put{.value = "", .if_version = 0}},
      {.key = kBytes, .action = node::Put{.value = "v", .if_version = 12}},
      {.key = kBytes, .action = node::Delete{}},
      {.key = kBytes, .action = node::Delete{.if_version = 0}},
      {.key = kBytes, .action = node::Increment{.by = kLeast}},
      {.key = kBytes, .action = node::Increment{.by = 0}},
      {.key = kBytes, .action = SomeBatch()},
      {.key = kBytes,
       .action = node::Put{.value = "v"},
       .request_id = node::RequestId{.client = 1, .sequence = 2, .done_below = 3, .base = 4}},
      {.key = kBytes, .action = node::Delete{}, .request_id = node::RequestId{}},
      Asked(node::ListJobs{}),
      Asked(node::ListJobs{.job = topology::JobId{3}}),
      Asked(node::AbortJob{topology::JobId{4}}),
      Asked(node::PlanChange{node::JoinNode{.node = "n4", .zone = "z"}}),
      Asked(node::StartChange{node::LeaveNode{.node = "n1"}, "me"}),
      Asked(node::StartChange{node::RemoveNode{.node = "n1", .accept_fewer_copies = true}, ""}),
      Asked(node::StartChange{node::ReplaceNode{"n1", "n4", "z"}, "me"}),
      Asked(node::PlanChange{node::Rebalance{}}),
      Asked(node::ListGroups{}),
      Asked(node::ListGroups{.partition = PartitionId{0}}),
  };
}

TEST(ConvertForwardTest, EveryOperationComesBackAsItWas) {
  for (const node::Operation& operation : Operations()) {
    const auto back = FromProto(OnWire(operation));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->forwards.size(), 1U);
    const node::Forward& forward = back->forwards[0];
    EXPECT_EQ(forward.id, 5U);
    EXPECT_EQ(forward.remaining, Duration(1500ms));
    EXPECT_EQ(forward.partition, PartitionId{7});
    EXPECT_EQ(forward.replica, ReplicaId{8});
    EXPECT_EQ(forward.operation, operation);
  }
}

TEST(ConvertForwardTest, EveryResultComesBackAsItWas) {
  const std::vector<node::Result> results = {
      node::Found{.value = kBytes, .version = 9},
      node::Found{.value = "", .version = 9, .stale_by = 0ms},
      node::Written{10},
      node::Absent{},
      node::Absent{.stale_by = 250ms},
      node::Incremented{.value = kLeast, .version = 11},
      node::Mismatch{.key = kBytes, .actual = 0},
      SomePlan(),
      node::PlanView{},
      node::Jobs{{SomeJob(), {.kind = topology::JobKind::kReplace, .left = 0ms}}},
      node::Jobs{},
      node::Groups{{SomeGroup(), {.partition = PartitionId{0}}}},
      node::Groups{},
  };
  for (const node::Result& result : results) {
    const auto back = FromProto(OnWire({.id = 6, .result = result}));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->replies.size(), 1U);
    EXPECT_EQ(back->replies[0].id, 6U);
    EXPECT_EQ(back->replies[0].owner, std::nullopt);
    ASSERT_EQ(back->replies[0].result.index(), result.index());
    std::visit(
        [&](const auto& sent) {
          using T = std::decay_t<decltype(sent)>;
          if constexpr (!std::is_same_v<T, Refusal>) {
            EXPECT_EQ(std::get<T>(back->replies[0].result), sent);
          }
        },
        result);
  }
}

TEST(ConvertForwardTest, RefusalsComeBackWithReasonMetadataAndDelay) {
  const Refusal refusal{.reason = Reason::kNotOwner,
                        .message = "m",
                        .metadata = {{"owner", "n3"}},
                        .retry_after = 50ms};
  const auto back = FromProto(OnWire({.id = 6, .result = refusal}));
  ASSERT_TRUE(back);
  const auto& read = std::get<Refusal>(back->replies[0].result);
  EXPECT_EQ(read.reason, Reason::kNotOwner);
  EXPECT_EQ(read.message, "m");
  EXPECT_EQ(read.metadata, refusal.metadata);
  EXPECT_EQ(read.retry_after, refusal.retry_after);
}

TEST(ConvertForwardTest, HintOfTheOwnerComesBack) {
  const node::OwnerHint hint{.term = 12, .node = NodeId{3}, .replica = ReplicaId{9}};
  const auto back = FromProto(OnWire({.id = 6, .result = node::Written{1}, .owner = hint}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->replies[0].owner, hint);
}

// Malformed.

TEST(ConvertForwardTest, OperationOfUnknownKindDropsTheFrame) {
  peer_pb::Frame frame = OnWire({.key = "k", .action = node::Get{}});
  frame.mutable_forwards(0)->clear_operation();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertForwardTest, ItemOfUnknownKindDropsTheFrame) {
  peer_pb::Frame frame = OnWire({.key = "k", .action = SomeBatch()});
  frame.mutable_forwards(0)->mutable_batch()->mutable_items(2)->clear_operation();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertForwardTest, ResultOfUnknownKindDropsTheFrame) {
  peer_pb::Frame frame = OnWire({.id = 6, .result = node::Written{1}});
  frame.mutable_replies(0)->clear_result();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertForwardTest, AChangeOfUnknownKindDropsTheFrame) {
  for (const bool is_plan : {true, false}) {
    peer_pb::Frame frame = OnWire(Asked(node::ListJobs{}));
    auto& asked = *frame.mutable_forwards(0)->mutable_administer();
    (is_plan ? asked.mutable_plan() : asked.mutable_start())->clear_change();
    EXPECT_FALSE(FromProto(frame));
  }
  peer_pb::Frame nothing = OnWire(Asked(node::ListJobs{}));
  nothing.mutable_forwards(0)->mutable_administer()->clear_request();
  EXPECT_FALSE(FromProto(nothing));
}

TEST(ConvertForwardTest, AJobOfUnknownKindOrStateDropsTheFrame) {
  peer_pb::Frame kind = OnWire({.id = 6, .result = node::Jobs{{SomeJob()}}});
  kind.mutable_replies(0)->mutable_jobs()->mutable_jobs(0)->set_kind(static_cast<pb::JobKind>(6));
  EXPECT_FALSE(FromProto(kind));
  peer_pb::Frame role = OnWire({.id = 6, .result = node::Groups{{SomeGroup()}}});
  role.mutable_replies(0)->mutable_groups()->mutable_groups(0)->mutable_copies(1)->clear_role();
  EXPECT_FALSE(FromProto(role));
  peer_pb::Frame state = OnWire({.id = 6, .result = node::Jobs{{SomeJob()}}});
  state.mutable_replies(0)->mutable_jobs()->mutable_jobs(0)->clear_state();
  EXPECT_FALSE(FromProto(state));
}

TEST(ConvertForwardTest, OneMalformedMessageDropsAllOfItsFrame) {
  node::Frame frame;
  frame.envelope = SomeEnvelope();
  for (const node::Operation& operation : Operations()) {
    frame.forwards.push_back(ForwardOf(operation));
  }
  peer_pb::Frame wire = ToProto(frame);
  EXPECT_TRUE(FromProto(wire));
  wire.mutable_forwards(static_cast<int>(Operations().size()) - 1)->clear_operation();
  EXPECT_FALSE(FromProto(wire));
}

// What it means is for the node to judge: it has a shape.
TEST(ConvertForwardTest, EmptyKeysAndBatchesAreWellFormed) {
  EXPECT_TRUE(FromProto(OnWire({.key = "", .action = node::Get{}})));
  EXPECT_TRUE(FromProto(OnWire({.key = "", .action = node::Batch{}})));
}

}  // namespace
}  // namespace kvd::rpc
