// What nodes say to one another: all of it comes back, and what is malformed is nothing.

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
using topology::UuidOf;

const std::string kBytes = "\0\xff\x80"s;
constexpr auto kHuge = std::numeric_limits<uint64_t>::max();
constexpr Duration kYear = 365 * 24h;

const raft::Configuration kInitial{.voters = {{ReplicaId{1}, NodeId{1}}, {ReplicaId{2}, NodeId{2}}},
                                   .outgoing = {},
                                   .learners = {}};

topology::Envelope SomeEnvelope() {
  return {.cluster_id = UuidOf(0xcc),
          .from = UuidOf(1),
          .from_boot = {.counter = 3, .nonce = 4},
          .to = UuidOf(2),
          .epoch = Epoch{5},
          .feature_level = 6};
}

topology::HelloRequest SomeHello() {
  return {.envelope = SomeEnvelope(),
          .from = topology::CardOf(1),
          .to_name = "n2",
          .terms = topology::TermsOf(3),
          .found = true,
          .topology = kBytes};
}

topology::HelloResponse SomeAnswer() {
  return {.envelope = SomeEnvelope(),
          .from = topology::CardOf(2),
          .bound = {UuidOf(0xcc), UuidOf(1)},
          .topology = kBytes,
          .refused = Refusal{.reason = Reason::kWrongCluster, .message = "m"}};
}

// A frame with one of everything that convert_peer.cc converts by itself, and one forward and one
// reply.
node::Frame SomeFrame() {
  node::Frame frame;
  frame.envelope = SomeEnvelope();
  frame.heartbeat = node::Heartbeat{
      .shard = {.index = 1, .count = 3},
      .heard_ago = 120ms,
      .load = {.keys = 1, .disk_bytes = 2, .behind = 3, .uptime = 4s, .version = "0.1"},
      .behind = 5,
      .draining = true,
      .unfit = true};
  frame.forwards.push_back({.id = 1,
                            .remaining = 1500ms,
                            .partition = PartitionId{7},
                            .replica = ReplicaId{8},
                            .operation = {.key = kBytes, .action = node::Put{.value = kBytes}}});
  node::ForwardReply& reply = frame.replies.emplace_back();
  reply.id = 4;
  reply.result = node::Found{.value = kBytes, .version = 9};
  frame.chunk_acks = {{.stream = 1, .sequence = 2, .ok = true}, {.stream = 3, .sequence = 4}};
  frame.chunks.push_back({.group = GroupId{3},
                          .from = ReplicaId{4},
                          .to = ReplicaId{5},
                          .stream = 6,
                          .sequence = 7,
                          .bytes = kBytes});
  frame.membership.inquiries = {{GroupId{3}, ReplicaId{8}}};
  return frame;
}

// SomeFrame() on the wire, to be spoilt.
peer_pb::Frame OnWire() {
  return ToProto(SomeFrame());
}

TEST(ConvertPeerTest, GreetingComesBackAsItWas) {
  EXPECT_EQ(FromProto(ToProto(SomeHello())), SomeHello());
}

TEST(ConvertPeerTest, GreetingOfABlankNodeComesBackAsItWas) {
  topology::HelloRequest hello = SomeHello();
  hello.envelope.cluster_id = {};
  hello.envelope.to = {};
  hello.found = false;
  hello.topology.clear();
  hello.to_name.clear();
  hello.join = true;
  EXPECT_EQ(FromProto(ToProto(hello)), hello);
}

TEST(ConvertPeerTest, AnswerToAGreetingComesBackAsItWas) {
  const auto back = FromProto(ToProto(SomeAnswer()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->envelope, SomeAnswer().envelope);
  EXPECT_EQ(back->from, SomeAnswer().from);
  EXPECT_EQ(back->bound, SomeAnswer().bound);
  EXPECT_EQ(back->topology, kBytes);
  ASSERT_TRUE(back->refused);
  EXPECT_EQ(back->refused->reason, Reason::kWrongCluster);
}

TEST(ConvertPeerTest, AnswerOfABlankNodeComesBackAsItWas) {
  topology::HelloResponse answer = SomeAnswer();
  answer.bound = {};
  answer.refused.reset();
  const auto back = FromProto(ToProto(answer));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->bound, topology::Binding{});
  EXPECT_FALSE(back->refused);
}

TEST(ConvertPeerTest, FrameComesBackAsItWas) {
  const auto back = FromProto(OnWire());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->envelope, SomeEnvelope());
  ASSERT_TRUE(back->heartbeat);
  EXPECT_EQ(back->heartbeat->shard, (node::Shard{.index = 1, .count = 3}));
  EXPECT_EQ(back->heartbeat->heard_ago, Duration(120ms));
  EXPECT_EQ(back->heartbeat->load.keys, 1U);
  EXPECT_EQ(back->heartbeat->load.disk_bytes, 2U);
  EXPECT_EQ(back->heartbeat->load.behind, 3U);
  EXPECT_EQ(back->heartbeat->load.uptime, Duration(4s));
  EXPECT_EQ(back->heartbeat->load.version, "0.1");
  EXPECT_EQ(back->heartbeat->behind, 5U);
  EXPECT_TRUE(back->heartbeat->draining);
  EXPECT_TRUE(back->heartbeat->unfit);
  EXPECT_EQ(back->forwards.size(), 1U);
  EXPECT_EQ(back->replies.size(), 1U);
  EXPECT_EQ(back->chunk_acks, SomeFrame().chunk_acks);
  EXPECT_EQ(back->chunks, SomeFrame().chunks);
  EXPECT_EQ(back->membership, SomeFrame().membership);
}

TEST(ConvertPeerTest, EmptyFrameStaysEmpty) {
  node::Frame frame;
  frame.envelope = SomeEnvelope();
  EXPECT_TRUE(FromProto(ToProto(frame))->empty());
}

TEST(ConvertPeerTest, PeerNeverHeardIsUnsetNotZero) {
  node::Frame frame = SomeFrame();
  frame.heartbeat->heard_ago.reset();
  EXPECT_EQ(FromProto(ToProto(frame))->heartbeat->heard_ago, std::nullopt);
  frame.heartbeat->heard_ago = Duration(0);
  EXPECT_EQ(FromProto(ToProto(frame))->heartbeat->heard_ago, Duration(0));
}

TEST(ConvertPeerTest, TimeThatIsUpIsZeroOnTheWire) {
  node::Frame frame = SomeFrame();
  frame.forwards[0].remaining = -5s;
  EXPECT_EQ(ToProto(frame).forwards(0).remaining_ms(), 0U);
}

// Malformed.

TEST(ConvertPeerTest, FrameWithoutAnEnvelopeIsMalformed) {
  EXPECT_FALSE(FromProto(peer_pb::Frame()));
  peer_pb::Frame frame = OnWire();
  frame.clear_envelope();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertPeerTest, UuidsAreSixteenBytes) {
  for (const size_t size : {1, 15, 17, 1000}) {
    const std::string wrong(size, 'u');
    peer_pb::Frame frame = OnWire();
    frame.mutable_envelope()->set_cluster_id(wrong);
    EXPECT_FALSE(FromProto(frame)) << size;
    frame = OnWire();
    frame.mutable_envelope()->set_from_uuid(wrong);
    EXPECT_FALSE(FromProto(frame)) << size;
    frame = OnWire();
    frame.mutable_envelope()->set_to_uuid(wrong);
    EXPECT_FALSE(FromProto(frame)) << size;
    peer_pb::HelloResponse answer = ToProto(SomeAnswer());
    answer.set_bound_cluster_id(wrong);
    EXPECT_FALSE(FromProto(answer)) << size;
    answer = ToProto(SomeAnswer());
    answer.set_bound_founder(wrong);
    EXPECT_FALSE(FromProto(answer)) << size;
    answer = ToProto(SomeAnswer());
    answer.mutable_from()->set_uuid(wrong);
    EXPECT_FALSE(FromProto(answer)) << size;
  }
}

TEST(ConvertPeerTest, SenderMustSayWhoItIs) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_envelope()->clear_from_uuid();
  EXPECT_FALSE(FromProto(frame));
  frame.mutable_envelope()->set_from_uuid(std::string(16, '\0'));
  EXPECT_FALSE(FromProto(frame)) << "the nil UUID names nobody";
  peer_pb::HelloRequest hello = ToProto(SomeHello());
  hello.mutable_from()->clear_uuid();
  EXPECT_FALSE(FromProto(hello));
  hello = ToProto(SomeHello());
  hello.mutable_from()->clear_name();
  EXPECT_FALSE(FromProto(hello));
  hello = ToProto(SomeHello());
  hello.clear_from();
  EXPECT_FALSE(FromProto(hello));
}

TEST(ConvertPeerTest, FounderMustNameItsCluster) {
  peer_pb::HelloRequest hello = ToProto(SomeHello());
  hello.mutable_envelope()->clear_cluster_id();
  EXPECT_FALSE(FromProto(hello));
  hello.set_found(false);
  EXPECT_TRUE(FromProto(hello));
}

TEST(ConvertPeerTest, NobodyFoundsAndJoins) {
  peer_pb::HelloRequest hello = ToProto(SomeHello());
  hello.set_join(true);
  EXPECT_FALSE(FromProto(hello));
}

TEST(ConvertPeerTest, ForwardWithoutAnOperationIsMalformed) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_forwards(0)->clear_put();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertPeerTest, ReplyWithoutAResultIsMalformed) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_replies(0)->clear_value();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertPeerTest, HeartbeatOfAShardThatCannotBeDropsTheFrame) {
  const auto back = [](uint32_t index, uint32_t count) {
    peer_pb::Frame frame = OnWire();
    frame.mutable_heartbeat()->set_shard(index);
    frame.mutable_heartbeat()->set_shards(count);
    return FromProto(frame);
  };
  EXPECT_EQ(back(0, 0)->heartbeat->shard, node::Shard{}) << "of a node that knows of none";
  EXPECT_TRUE(back(63, 64));
  for (const auto& [index, count] : {std::pair(1U, 0U), std::pair(3U, 3U), std::pair(0U, 65U)}) {
    EXPECT_FALSE(back(index, count)) << index << " of " << count;
  }
}

TEST(ConvertPeerTest, DurationsAreCutAtAYear) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_heartbeat()->set_heard_ms_ago(kHuge);
  frame.mutable_heartbeat()->set_uptime_ms(kHuge);
  frame.mutable_forwards(0)->set_remaining_ms(kHuge);
  const auto back = FromProto(frame);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->heartbeat->heard_ago, kYear);
  EXPECT_EQ(back->heartbeat->load.uptime, kYear);
  EXPECT_EQ(back->forwards[0].remaining, kYear);
}

TEST(ConvertPeerTest, RefusalThatIsNotOursIsStillARefusal) {
  peer_pb::Frame frame = OnWire();
  frame.mutable_replies(0)->mutable_refused()->set_message("what?");
  const auto back = FromProto(frame);
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<Refusal>(back->replies[0].result).reason, Reason::kInternal);
}

}  // namespace
}  // namespace kvd::rpc
