// Messages of consensus between nodes: all of it comes back, lines of beats side by side, and what
// is malformed drops the frame.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/convert.h"
#include "server/rpc/wire_frame.h"
#include "tests/unit/server/rpc/frame_values.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;

const std::string kBytes = "\0\xff\x80"s;
constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

raft::Configuration SomeConfiguration() {
  return {
      .voters = {{.id = ReplicaId{1}, .node = NodeId{1}}, {.id = ReplicaId{2}, .node = NodeId{2}}},
      .outgoing = {{.id = ReplicaId{1}, .node = NodeId{1}}},
      .learners = {{.id = ReplicaId{9}, .node = NodeId{3}}}};
}

raft::AppendRequest SomeAppend() {
  return {.previous_index = 6,
          .previous_term = 2,
          .commit = 5,
          .entries = {{.index = 7, .term = 2, .payload = kBytes},
                      {.index = 8, .term = 3, .payload = ""},
                      {.index = 9,
                       .term = 3,
                       .payload = raft::EncodeConfiguration(SomeConfiguration()),
                       .kind = storage::EntryKind::kConfiguration}}};
}

node::GroupMessage MessageOf(uint32_t group, decltype(raft::Message::body) body) {
  return {
      .group = GroupId{group},
      .message = {.from = ReplicaId{11}, .to = ReplicaId{12}, .term = 4, .body = std::move(body)}};
}

peer_pb::Frame OnWire(std::vector<node::GroupMessage> messages) {
  node::Frame frame;
  frame.envelope.from = topology::UuidOf(1);
  frame.raft = std::move(messages);
  return ToProto(frame);
}

std::vector<node::GroupMessage> Lines() {
  return {MessageOf(1, raft::Beat{.commit = 5, .round = 6}),
          MessageOf(2, raft::Beat{.commit = kHuge, .round = kHuge}),
          MessageOf(3, raft::BeatReply{.round = 7, .last = 8})};
}

TEST(ConvertRaftTest, EveryMessageComesBackAsItWas) {
  const std::vector<decltype(raft::Message::body)> bodies = {
      raft::VoteRequest{.pre = true, .transfer = false, .last_index = 3, .last_term = 2},
      raft::VoteRequest{.pre = false, .transfer = true, .last_index = 0, .last_term = 0},
      raft::VoteReply{.pre = true, .granted = false},
      raft::VoteReply{.pre = false, .granted = true},
      SomeAppend(),
      raft::AppendRequest{},
      raft::AppendReply{.accepted = true, .index = 4},
      raft::AppendReply{.accepted = false, .index = 9, .hint_index = 4, .hint_term = 2},
      raft::InstallRequest{{.index = 5, .term = 3, .configuration = SomeConfiguration()}},
      raft::TimeoutNow{},
      raft::Beat{.commit = 5, .round = 6},
      raft::BeatReply{.round = 7, .last = 8},
  };
  for (const auto& body : bodies) {
    const node::GroupMessage message = MessageOf(3, body);
    const auto back = FromProto(OnWire({message}));
    ASSERT_TRUE(back) << body.index();
    EXPECT_THAT(back->raft, ElementsAre(message)) << body.index();
  }
}

// The order of one group's messages counts for little, that of the lines is kept.
TEST(ConvertRaftTest, LinesOfManyGroupsComeBackInOrder) {
  const auto back = FromProto(OnWire(Lines()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->raft, Lines());
}

// Larger than the memory it begins with, then smaller.
TEST(ConvertRaftTest, AFrameWrittenWhereAnotherWasHasNothingOfIt) {
  WireFrame wire;
  const std::string large(100'000, 'x');
  for (const std::string& payload : {large, "small"s, large, ""s}) {
    const auto message =
        MessageOf(3, raft::AppendRequest{.entries = {{.index = 1, .term = 1, .payload = payload}}});
    node::Frame frame;
    frame.envelope.from = topology::UuidOf(1);
    frame.raft = {message};
    Write(std::move(frame), wire.Renew());
    const auto back = Take(wire.frame());
    ASSERT_TRUE(back) << payload.size();
    EXPECT_THAT(back->raft, ElementsAre(message)) << payload.size();
  }
}

TEST(ConvertRaftTest, ThousandLinesTakeFewBytes) {
  std::vector<node::GroupMessage> lines;
  for (uint32_t group = 1; group <= 1000; ++group) {
    lines.push_back(MessageOf(group, raft::Beat{.commit = 100'000, .round = 100'000}));
  }
  EXPECT_LT(OnWire(std::move(lines)).ByteSizeLong(), 15'000U);
}

// Malformed.

TEST(ConvertRaftTest, ArraysOfDifferentLengthsDropTheFrame) {
  using Spoil = std::function<void(peer_pb::Beats&)>;
  const std::vector<Spoil> spoils = {
      [](peer_pb::Beats& beats) { beats.add_group(1); },
      [](peer_pb::Beats& beats) { beats.add_from(1); },
      [](peer_pb::Beats& beats) { beats.add_to(1); },
      [](peer_pb::Beats& beats) { beats.add_term(1); },
      [](peer_pb::Beats& beats) { beats.add_round(1); },
      [](peer_pb::Beats& beats) { beats.add_index(1); },
      [](peer_pb::Beats& beats) { beats.mutable_group()->RemoveLast(); },
      [](peer_pb::Beats& beats) { beats.clear_to(); },
      [](peer_pb::Beats& beats) { beats.clear_index(); },
  };
  for (size_t i = 0; i < spoils.size(); ++i) {
    peer_pb::Frame frame = OnWire(Lines());
    spoils[i](*frame.mutable_beats());
    EXPECT_FALSE(FromProto(frame)) << i;
    frame = OnWire(Lines());
    spoils[i](*frame.mutable_beat_replies());
    EXPECT_FALSE(FromProto(frame)) << i;
  }
}

TEST(ConvertRaftTest, MessageOfUnknownKindDropsTheFrame) {
  peer_pb::Frame frame = OnWire({MessageOf(3, raft::TimeoutNow{})});
  frame.mutable_raft(0)->clear_body();
  EXPECT_FALSE(FromProto(frame));
}

TEST(ConvertRaftTest, EntryOfUnknownKindDropsTheFrame) {
  for (const uint32_t kind : {2U, 255U, 256U, 0x80000000U}) {
    peer_pb::Frame frame = OnWire({MessageOf(3, SomeAppend())});
    frame.mutable_raft(0)->mutable_append_request()->mutable_entries(0)->set_kind(kind);
    EXPECT_FALSE(FromProto(frame)) << kind;
  }
}

TEST(ConvertRaftTest, SnapshotWithoutAConfigurationDropsTheFrame) {
  const raft::InstallRequest install{{.index = 5, .term = 3, .configuration = SomeConfiguration()}};
  for (const std::string& wrong : {""s, kBytes}) {
    peer_pb::Frame frame = OnWire({MessageOf(3, install)});
    frame.mutable_raft(0)->mutable_install_request()->set_configuration(wrong);
    EXPECT_FALSE(FromProto(frame));
  }
}

// Entries carry no index of their own: they follow one another whatever the sender says, and no
// frame can leave a gap. That terms do not fall is for consensus to check.
TEST(ConvertRaftTest, EntriesLeaveNoGap) {
  raft::AppendRequest append = SomeAppend();
  append.entries[1].index = 100;
  const auto back = FromProto(OnWire({MessageOf(3, append)}));
  ASSERT_TRUE(back);
  EXPECT_THAT(back->raft, ElementsAre(MessageOf(3, SomeAppend())));
}

TEST(ConvertRaftTest, WhatNoReplicaCouldHaveSaidIsReadAndFoundOut) {
  peer_pb::Frame frame = OnWire({MessageOf(3, SomeAppend())});
  frame.mutable_raft(0)->mutable_append_request()->mutable_entries(2)->set_term(1);
  auto back = FromProto(frame);
  ASSERT_TRUE(back);
  EXPECT_FALSE(raft::IsWellFormed(back->raft[0].message));
  frame = OnWire({MessageOf(3, SomeAppend())});
  frame.mutable_raft(0)->mutable_append_request()->set_previous_index(kHuge);
  back = FromProto(frame);
  ASSERT_TRUE(back);
  EXPECT_FALSE(raft::IsWellFormed(back->raft[0].message));
}

}  // namespace
}  // namespace kvd::rpc
