// The record of a topology, on disk and between nodes: read as it was written or not at all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/topology/topology.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using ::testing::HasSubstr;

// Two members, of whom one leaves, two partitions, one voter, one who was removed, one job.
Topology Small() {
  Topology topology;
  topology.cluster_id = UuidOf(0xcc);
  topology.cluster_name = "demo";
  topology.epoch = Epoch{7};
  topology.feature_level = 1;
  topology.replication_wished = 3;
  topology.copies = 1;
  topology.members = {{NodeId{1}, CardOf(1), MemberState::kActive},
                      {NodeId{2}, CardOf(2), MemberState::kLeaving}};
  topology.ring = {{{ReplicaId{10}, NodeId{2}}}, {{ReplicaId{11}, NodeId{1}}}};
  topology.system_voters = {{ReplicaId{12}, NodeId{1}}};
  topology.removed = {{NodeId{3}, UuidOf(3), "n3", Epoch{6}}};
  topology.jobs = {{.id = JobId{4},
                    .kind = JobKind::kLeave,
                    .state = JobState::kRunning,
                    .asked_by = "ops",
                    .asked_at = 9,
                    .nodes = {NodeId{2}},
                    .copies_to_add = 1}};
  topology.next_node = NodeId{4};
  topology.next_replica = ReplicaId{13};
  topology.next_job = JobId{5};
  return topology;
}

// `body` as a record whose checksum is right.
std::string Sealed(std::string_view body) {
  return ByteWriter().Raw(body).U32(Checksum32(body)).Take();
}

std::string BodyOf(const Topology& topology) {
  const std::string record = EncodeTopology(topology);
  return record.substr(0, record.size() - 4);
}

StatusCode CodeOf(std::string_view bytes) {
  return DecodeTopology(bytes).status().code();
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<uint8_t>(c) >> 4U];
    hex += kDigits[static_cast<uint8_t>(c) & 15U];
  }
  return hex;
}

TEST(TopologyCodecTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(DecodeTopology(EncodeTopology(Small())).value(), Small());
  const Topology founded = FoundTopology(UuidOf(0xcc), TermsOf(5), CardsOf(5));
  EXPECT_EQ(DecodeTopology(EncodeTopology(founded)).value(), founded);
}

// The fields of Small() that both formats begin with.
constexpr std::string_view kTerms =
    "cccccccccccccccccccccccccccccccc"  // cluster id
    "0400000064656d6f"                  // name
    "0700000000000000"                  // epoch
    "01000000"                          // feature level
    "03000000"                          // copies wished
    "01000000";                         // copies

constexpr std::string_view kCard1 =
    "01010101010101010101010101010101"      // uuid
    "020000006e31"                          // name
    "0e0000003132372e302e302e313a37343130"  // address
    "0e0000003132372e302e302e313a37343131"  // peer address
    "020000007a31";                         // zone
constexpr std::string_view kCard2 =
    "02020202020202020202020202020202"
    "020000006e32"
    "0e0000003132372e302e302e313a37343230"
    "0e0000003132372e302e302e313a37343231"
    "020000007a32";

constexpr std::string_view kRing =
    "02000000"          // partitions
    "01"                // replicas
    "0a00000000000000"  // replica id
    "02000000"          // node
    "01"
    "0b00000000000000"
    "01000000";

std::string Joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all += part;
  return all;
}

// Contracts with every disk there is: change the format byte, never these.
TEST(TopologyCodecTest, BytesAreThoseOfFormatTwo) {
  EXPECT_EQ(Hex(BodyOf(Small())), Joined({"02",
                                          kTerms,
                                          "02000000",  // members
                                          "01000000",
                                          kCard1,
                                          "02",  // id, card, active
                                          "02000000",
                                          kCard2,
                                          "03",                                // leaving
                                          kRing,                               //
                                          "01000000",                          // voters
                                          "0c0000000000000001000000",          // replica id, node
                                          "01000000",                          // removed
                                          "03000000",                          // id
                                          "03030303030303030303030303030303",  // uuid
                                          "020000006e33",                      // name
                                          "0600000000000000",                  // at epoch
                                          "01000000",                          // jobs
                                          "0400000000000000",                  // id
                                          "02",                                // leave
                                          "01",                                // running
                                          "030000006f7073",                    // asked by
                                          "0900000000000000",                  // at index
                                          "0100000002000000",                  // nodes
                                          "0100000000000000",                  // copies to add
                                          "04000000",                          // next node
                                          "0d00000000000000",                  // next replica
                                          "0500000000000000"}));               // next job
}

std::string Bytes(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

TEST(TopologyCodecTest, RecordOfTheFirstReleaseIsReadAsFounded) {
  const std::string record = Bytes(Joined(
      {"01", kTerms, "02000000", "01000000", kCard1, "02000000", kCard2, kRing, "903b7b46"}));
  Topology expected = Small();
  expected.members[1].state = MemberState::kActive;
  expected.system_voters = {{ReplicaId{12}, NodeId{1}}, {ReplicaId{13}, NodeId{2}}};
  expected.removed.clear();
  expected.jobs.clear();
  expected.next_node = NodeId{3};
  expected.next_replica = ReplicaId{14};
  expected.next_job = JobId{1};
  EXPECT_EQ(DecodeTopology(record).value(), expected);
}

TEST(TopologyCodecTest, DamageOfAnyByteIsRefused) {
  const std::string record = EncodeTopology(Small());
  for (size_t at = 0; at < record.size(); ++at) {
    std::string damaged = record;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(CodeOf(damaged), StatusCode::kDataLoss) << at;
  }
}

TEST(TopologyCodecTest, TruncationAndExcessAreRefused) {
  const std::string record = EncodeTopology(Small());
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(CodeOf(record.substr(0, size)), StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(CodeOf(record + "x"), StatusCode::kDataLoss);
}

// Behind a right checksum too: a record comes from other nodes as well.
TEST(TopologyCodecTest, FieldsThatAreMissingOrTooManyAreRefused) {
  const std::string body = BodyOf(Small());
  for (size_t size = 1; size < body.size(); ++size) {
    EXPECT_EQ(CodeOf(Sealed(body.substr(0, size))), StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(CodeOf(Sealed(body + "x")), StatusCode::kDataLoss);
}

TEST(TopologyCodecTest, NewerFormatIsRefusedNamingBoth) {
  std::string body = BodyOf(Small());
  body[0] = 3;
  const Status status = DecodeTopology(Sealed(body)).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "topology record has format 3, this kvd reads 2; run a newer kvd");
}

// What the codec says of a topology with one thing wrong.
std::string Contradiction(const Topology& topology) {
  const Status status = DecodeTopology(EncodeTopology(topology)).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  return Message(status);
}

TEST(TopologyCodecTest, ContradictionsAreRefused) {
  Topology topology = Small();
  topology.epoch = Epoch{0};
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.members[1].id = NodeId{1};
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  std::swap(topology.members[0], topology.members[1]);
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.ring[0][0].node = NodeId{3};
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.ring[0].clear();
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.ring.push_back(topology.ring[0]);
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.ring.clear();
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.copies = 2;
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.members[0].id = NodeId{0};
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
  topology = Small();
  topology.members.clear();
  EXPECT_THAT(Contradiction(topology), HasSubstr("contradict"));
}

TEST(TopologyCodecTest, IdsNeverAllottedOrUsedTwiceAreRefused) {
  Topology topology = Small();
  topology.next_node = NodeId{2};
  EXPECT_THAT(Contradiction(topology), HasSubstr("ids contradict"));
  topology = Small();
  topology.next_replica = ReplicaId{12};
  EXPECT_THAT(Contradiction(topology), HasSubstr("ids contradict"));
  topology = Small();
  topology.next_job = JobId{4};
  EXPECT_THAT(Contradiction(topology), HasSubstr("ids contradict"));
  topology = Small();
  topology.system_voters[0].node = NodeId{9};
  EXPECT_THAT(Contradiction(topology), HasSubstr("ids contradict"));
  topology = Small();
  topology.ring[1][0].id = ReplicaId{10};
  EXPECT_THAT(Contradiction(topology), HasSubstr("ids contradict"));
}

TEST(TopologyCodecTest, StatesOfLaterReleasesAreRefused) {
  Topology topology = Small();
  topology.members[0].state = MemberState{4};
  EXPECT_THAT(Contradiction(topology), HasSubstr("fields"));
  topology = Small();
  topology.jobs[0].kind = JobKind{6};
  EXPECT_THAT(Contradiction(topology), HasSubstr("fields"));
  topology = Small();
  topology.jobs[0].state = JobState{0};
  EXPECT_THAT(Contradiction(topology), HasSubstr("fields"));
}

}  // namespace
}  // namespace kvd::topology
