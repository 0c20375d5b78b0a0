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

template <typename Request>
node::Operation Read(Request request) {
  Asked asked = FromProto(request);
  if (const auto* refusal = std::get_if<Refusal>(&asked)) ADD_FAILURE() << refusal->message;
  auto* operation = std::get_if<node::Operation>(&asked);
  return operation == nullptr ? node::Operation() : std::move(*operation);
}

// The field that a request was refused for.
template <typename Request>
std::string FieldRefused(Request request) {
  const Asked asked = FromProto(request);
  const auto* refusal = std::get_if<Refusal>(&asked);
  if (refusal == nullptr || refusal->reason != Reason::kBadRequest) return "(none)";
  return refusal->metadata.at("field");
}

TEST(ConvertClientTest, OperationsAreReadWithTheirBytes) {
  pb::GetRequest get;
  get.set_key(kBytes);
  get.set_omit_value(true);
  EXPECT_EQ(Read(get), (node::Operation{kBytes, node::Get{.omit_value = true}}));
  pb::PutRequest put;
  put.set_key(kBytes);
  put.set_value(kBytes);
  EXPECT_EQ(Read(put), (node::Operation{kBytes, node::Put{kBytes}}));
  pb::DeleteRequest del;
  del.set_key(kBytes);
  EXPECT_EQ(Read(del), (node::Operation{kBytes, node::Delete{}}));
  pb::IncrementRequest increment;
  increment.set_key(kBytes);
  EXPECT_EQ(Read(increment), (node::Operation{kBytes, node::Increment{1}}));
  increment.set_by(-7);
  EXPECT_EQ(Read(increment), (node::Operation{kBytes, node::Increment{-7}}));
}

TEST(ConvertClientTest, VersionZeroIsAConditionAndUnsetIsNone) {
  pb::PutRequest put;
  put.set_if_version(0);
  EXPECT_EQ(Read(put).action,
            (decltype(node::Operation::action){node::Put{.value = {}, .if_version = 0}}));
  pb::DeleteRequest del;
  del.set_if_version(8);
  EXPECT_EQ(Read(del).action, (decltype(node::Operation::action){node::Delete{.if_version = 8}}));
}

TEST(ConvertClientTest, ConsistencyIsReadAndALaterOneRefused) {
  pb::GetRequest get;
  EXPECT_FALSE(std::get<node::Get>(Read(get).action).stale);
  get.set_consistency(pb::CONSISTENCY_LINEARIZABLE);
  EXPECT_FALSE(std::get<node::Get>(Read(get).action).stale);
  get.set_consistency(pb::CONSISTENCY_STALE);
  EXPECT_TRUE(std::get<node::Get>(Read(get).action).stale);
  for (const int strange : {-1, 3, 99}) {
    get.set_consistency(static_cast<pb::Consistency>(strange));
    EXPECT_EQ(FieldRefused(get), "consistency");
  }
}

TEST(ConvertClientTest, RequestIdIsReadAndNonsenseRefused) {
  pb::PutRequest put;
  EXPECT_EQ(Read(put).request_id, std::nullopt);
  put.mutable_request_id()->set_client(1);
  EXPECT_EQ(FieldRefused(put), "request_id");
  put.mutable_request_id()->set_sequence(2);
  put.mutable_request_id()->set_done_below(2);
  put.mutable_request_id()->set_base(3);
  EXPECT_EQ(Read(put).request_id,
            (node::RequestId{.client = 1, .sequence = 2, .done_below = 2, .base = 3}));
  put.mutable_request_id()->set_done_below(3);
  EXPECT_EQ(FieldRefused(put), "request_id");
}

TEST(ConvertClientTest, BatchIsReadItemByItem) {
  pb::BatchRequest batch;
  pb::BatchItem& put = *batch.add_items();
  put.set_key("a");
  put.mutable_put()->set_value(kBytes);
  put.set_if_version(0);
  pb::BatchItem& del = *batch.add_items();
  del.set_key("b");
  del.mutable_delete_();
  batch.mutable_request_id()->set_sequence(1);
  const node::Operation read = Read(batch);
  EXPECT_EQ(read.key, "a");
  EXPECT_TRUE(read.request_id);
  EXPECT_EQ(std::get<node::Batch>(read.action),
            (node::Batch{{{"a", node::Put{kBytes, 0}}, {"b", node::Delete{}}}}));
}

TEST(ConvertClientTest, BatchWithoutItemsOrWithoutAnActionIsRefused) {
  pb::BatchRequest batch;
  EXPECT_EQ(FieldRefused(batch), "items");
  batch.add_items()->set_key("a");
  EXPECT_EQ(FieldRefused(batch), "items");
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
  EXPECT_TRUE(put.written());
  EXPECT_EQ(put.version(), 9U);
  EXPECT_EQ(put.served().partition(), 5U);
  pb::DeleteResponse del;
  ToProto(AnswerOf(node::Written{10}), del);
  EXPECT_TRUE(del.found());
  EXPECT_TRUE(del.written());
  EXPECT_EQ(del.version(), 10U);
}

TEST(ConvertClientTest, FailedConditionIsAnAnswer) {
  pb::PutResponse put;
  ToProto(AnswerOf(node::Mismatch{"k", 0}), put);
  EXPECT_FALSE(put.written());
  EXPECT_TRUE(put.has_actual_version());
  EXPECT_EQ(put.actual_version(), 0U);
  pb::DeleteResponse del;
  ToProto(AnswerOf(node::Mismatch{"k", 17}), del);
  EXPECT_TRUE(del.found());
  EXPECT_FALSE(del.written());
  EXPECT_EQ(del.actual_version(), 17U);
  pb::BatchResponse batch;
  ToProto(AnswerOf(node::Mismatch{kBytes, 17}), batch);
  EXPECT_FALSE(batch.written());
  EXPECT_EQ(batch.failed_key(), kBytes);
  EXPECT_EQ(batch.actual_version(), 17U);
  ToProto(AnswerOf(node::Written{18}), batch = {});
  EXPECT_TRUE(batch.written());
  EXPECT_FALSE(batch.has_actual_version());
  EXPECT_EQ(batch.version(), 18U);
}

TEST(ConvertClientTest, SumIsAnsweredWithItsVersion) {
  pb::IncrementResponse out;
  ToProto(AnswerOf(node::Incremented{-4, 9}), out);
  EXPECT_EQ(out.value(), -4);
  EXPECT_EQ(out.version(), 9U);
  EXPECT_EQ(out.served().owner(), "n2");
}

TEST(ConvertClientTest, StalenessIsRoundedUpAndOnlyOfStaleReads) {
  pb::GetResponse out;
  ToProto(AnswerOf(node::Found{kBytes, 9}), out);
  EXPECT_FALSE(out.has_staleness_ms());
  ToProto(AnswerOf(node::Found{kBytes, 9, 1ms + 1ns}), out);
  EXPECT_EQ(out.staleness_ms(), 2U);
  ToProto(AnswerOf(node::Absent{5ms}), out = {});
  EXPECT_FALSE(out.found());
  EXPECT_EQ(out.staleness_ms(), 5U);
}

TEST(ConvertClientDeathTest, PutIsWrittenOrRefused) {
  pb::PutResponse out;
  EXPECT_DEATH(ToProto(AnswerOf(node::Absent{}), out), "a put is written, refused");
  pb::IncrementResponse sum;
  EXPECT_DEATH(ToProto(AnswerOf(node::Written{}), sum), "an increment is done or refused");
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
  view.leaderless = 2;
  view.halted = "n3 stays";
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
  EXPECT_EQ(out.leaderless(), 2U);
  EXPECT_EQ(out.halted(), "n3 stays");
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

TEST(ConvertClientTest, ChangesAreReadAsPlansAndAsWhatBegins) {
  pb::ChangeRequest change;
  change.mutable_leave()->set_node("n1");
  change.set_asked_by("me");
  const node::LeaveNode leave{.node = "n1"};
  EXPECT_EQ(std::get<node::Operation>(PlanFromProto(change)),
            (node::Operation{"", node::Administer{node::PlanChange{leave}}}));
  EXPECT_EQ(std::get<node::Operation>(StartFromProto(change)),
            (node::Operation{"", node::Administer{node::StartChange{leave, "me"}}}));
  pb::ListJobsRequest all;
  EXPECT_EQ(Read(all), (node::Operation{"", node::Administer{node::ListJobs{}}}));
  pb::AbortJobRequest abort;
  abort.set_job(7);
  EXPECT_EQ(Read(abort),
            (node::Operation{"", node::Administer{node::AbortJob{topology::JobId{7}}}}));
}

TEST(ConvertClientTest, AChangeThatIsNoneIsRefused) {
  pb::ChangeRequest change;
  for (const Asked& asked : {PlanFromProto(change), StartFromProto(change)}) {
    const auto* refusal = std::get_if<Refusal>(&asked);
    ASSERT_NE(refusal, nullptr);
    EXPECT_EQ(refusal->reason, Reason::kBadRequest);
  }
}

TEST(ConvertClientTest, AJobIsWrittenFieldByField) {
  const node::JobView job{.id = topology::JobId{3},
                          .kind = topology::JobKind::kReplace,
                          .stage = node::JobStage::kWaiting,
                          .nodes = {"n1", "n2"},
                          .copies = 9,
                          .age = 1500ms,
                          .reason = "n2 is silent"};
  pb::JobResponse out;
  ToProto(AnswerOf(node::Jobs{{job}}), out);
  EXPECT_EQ(out.job().id(), 3U);
  EXPECT_EQ(out.job().kind(), pb::JOB_KIND_REPLACE);
  EXPECT_EQ(out.job().state(), pb::JOB_STATE_WAITING);
  EXPECT_THAT(out.job().nodes(), ElementsAre("n1", "n2"));
  EXPECT_EQ(out.job().age_ms(), 1500U);
  EXPECT_FALSE(out.job().has_left_ms());
  EXPECT_EQ(out.job().reason(), "n2 is silent");
}

}  // namespace
}  // namespace kvd::rpc
