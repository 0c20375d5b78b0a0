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

// Two members, two partitions.
Topology Small() {
  return {.cluster_id = UuidOf(0xcc),
          .cluster_name = "demo",
          .epoch = Epoch{7},
          .feature_level = 1,
          .replication_wished = 3,
          .copies = 1,
          .members = {{NodeId{1}, CardOf(1)}, {NodeId{2}, CardOf(2)}},
          .ring = {{{ReplicaId{10}, NodeId{2}}}, {{ReplicaId{11}, NodeId{1}}}}};
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

// A contract with every disk there is: change the format byte, never this.
TEST(TopologyCodecTest, BytesAreThoseOfTheFirstRelease) {
  EXPECT_EQ(Hex(EncodeTopology(Small())),
            "01"                                    // format
            "cccccccccccccccccccccccccccccccc"      // cluster id
            "0400000064656d6f"                      // name
            "0700000000000000"                      // epoch
            "01000000"                              // feature level
            "03000000"                              // copies wished
            "01000000"                              // copies
            "02000000"                              // members
            "01000000"                              // id
            "01010101010101010101010101010101"      // uuid
            "020000006e31"                          // name
            "0e0000003132372e302e302e313a37343130"  // address
            "0e0000003132372e302e302e313a37343131"  // peer address
            "020000007a31"                          // zone
            "02000000"                              // the second member
            "02020202020202020202020202020202"
            "020000006e32"
            "0e0000003132372e302e302e313a37343230"
            "0e0000003132372e302e302e313a37343231"
            "020000007a32"
            "02000000"          // partitions
            "01"                // replicas
            "0a00000000000000"  // replica id
            "02000000"          // node
            "01"
            "0b00000000000000"
            "01000000"
            "903b7b46");  // checksum
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
  body[0] = 2;
  const Status status = DecodeTopology(Sealed(body)).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "topology record has format 2, this kvd reads 1; run a newer kvd");
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
}

}  // namespace
}  // namespace kvd::topology
