// Records are a contract with every disk: the golden vectors here may be added to, never changed.

#include "server/storage/record.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "common/hash.h"

namespace kvd::storage {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

const Entry kEntry{
    .index = 4411, .term = 7, .payload = "put\0x"s, .kind = EntryKind::kConfiguration};
const HardState kHardState{.term = 9, .voted_for = ReplicaId{3}};
const LogStart kStart{.first = 100, .previous_term = 5};
const GroupWrite::Create kReplica{.id = ReplicaId{7}, .initial = "conf"};
const StoredValue kValue{.version = 12, .value = "v\xff"};
const AppliedRecord kApplied{.index = 8,
                             .term = 2,
                             .generation = 3,
                             .keys = 4,
                             .value_bytes = 5,
                             .configuration = "conf",
                             .floor = 6,
                             .snapshot_index = 7};
const StoredSession kSession{.client = 0x0102, .state = "s\xff"};

struct Case {
  std::string name;  // As an error must call it.
  std::string bytes;
  std::string golden;
  std::function<Status(std::string_view)> decode;
};

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

std::vector<Case> Cases() {
  return {
      {"log entry 4411 of group 2", EncodeEntry(kEntry),
       "01653b110000000000000700000000000000017075740078521c740c",
       [](std::string_view b) { return DecodeEntry(GroupId{2}, 4411, b).status(); }},
      {"term and vote of group 2", EncodeHardState(kHardState),
       "016809000000000000000300000000000000f434d028",
       [](std::string_view b) { return DecodeHardState(GroupId{2}, b).status(); }},
      {"start of the log of group 2", EncodeLogStart(kStart),
       "01736400000000000000050000000000000032d1a755",
       [](std::string_view b) { return DecodeLogStart(GroupId{2}, b).status(); }},
      {"replica of group 2", EncodeReplica(kReplica),
       "0172070000000000000004000000636f6e665cf64e1d",
       [](std::string_view b) { return DecodeReplica(GroupId{2}, b).status(); }},
      {"tombstone of group 2", EncodeTombstone(ReplicaId{9}), "0174090000000000000083bf60e8",
       [](std::string_view b) { return DecodeTombstone(GroupId{2}, b).status(); }},
      {"value in partition 6 under a key of 3 bytes", EncodeStoredValue(kValue),
       "01760c0000000000000076ffc08f1324",
       [](std::string_view b) { return DecodeStoredValue(PartitionId{6}, "key", b).status(); }},
      {"applied record of partition 6", EncodeApplied(kApplied),
       "0161080000000000000002000000000000000300000000000000040000000000000005000000000000000400000"
       "0"
       "636f6e660600000000000000070000000000000075b72b82",
       [](std::string_view b) { return DecodeApplied(PartitionId{6}, b).status(); }},
      {"session of client 0000000000000102 in partition 6", EncodeSession(kSession),
       "0163020100000000000073ff5ddf91d3",
       [](std::string_view b) { return DecodeSession(PartitionId{6}, 0x0102, b).status(); }},
  };
}

std::string WithChecksum(std::string body) {
  return ByteWriter().Raw(body).U32(Checksum32(body)).Take();
}

TEST(RecordTest, WhatWasEncodedIsDecoded) {
  EXPECT_EQ(DecodeEntry(GroupId{2}, 4411, EncodeEntry(kEntry)).value(), kEntry);
  EXPECT_EQ(DecodeHardState(GroupId{2}, EncodeHardState(kHardState)).value(), kHardState);
  EXPECT_EQ(DecodeLogStart(GroupId{2}, EncodeLogStart(kStart)).value(), kStart);
  EXPECT_EQ(DecodeReplica(GroupId{2}, EncodeReplica(kReplica)).value(), kReplica);
  EXPECT_EQ(DecodeTombstone(GroupId{2}, EncodeTombstone(ReplicaId{9})).value(), ReplicaId{9});
  EXPECT_EQ(DecodeStoredValue(PartitionId{6}, "key", EncodeStoredValue(kValue)).value(), kValue);
  EXPECT_EQ(DecodeApplied(PartitionId{6}, EncodeApplied(kApplied)).value(), kApplied);
  EXPECT_EQ(DecodeSession(PartitionId{6}, 0x0102, EncodeSession(kSession)).value(), kSession);
}

TEST(RecordTest, EmptyPayloadsAreKept) {
  const Entry entry{.index = 1, .term = 1, .payload = ""};
  EXPECT_EQ(DecodeEntry(GroupId{0}, 1, EncodeEntry(entry)).value(), entry);
  EXPECT_EQ(DecodeStoredValue(PartitionId{0}, "", EncodeStoredValue({})).value(), StoredValue{});
}

TEST(RecordTest, BytesOnDiskNeverChange) {
  for (const Case& c : Cases()) EXPECT_EQ(Hex(c.bytes), c.golden) << c.name;
}

TEST(RecordTest, EveryFlippedBitIsDamageAndNamesTheRecord) {
  for (const Case& c : Cases()) {
    for (size_t bit = 0; bit < c.bytes.size() * 8; ++bit) {
      std::string flipped = c.bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const Status status = c.decode(flipped);
      EXPECT_EQ(status.code(), StatusCode::kDataLoss) << c.name << " bit " << bit;
      EXPECT_THAT(Message(status), HasSubstr(c.name));
    }
  }
}

TEST(RecordTest, EveryTruncationIsDamage) {
  for (const Case& c : Cases()) {
    for (size_t size = 0; size < c.bytes.size(); ++size) {
      EXPECT_EQ(c.decode(c.bytes.substr(0, size)).code(), StatusCode::kDataLoss) << c.name;
    }
  }
}

TEST(RecordTest, FutureFormatIsRefusedNamingBoth) {
  for (const Case& c : Cases()) {
    std::string body = c.bytes.substr(0, c.bytes.size() - 4);
    body[0] = '\x02';
    const Status status = c.decode(WithChecksum(body + "more fields"));
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << c.name;
    EXPECT_THAT(Message(status),
                ::testing::AllOf(HasSubstr(c.name), HasSubstr("written in format 2")));
    EXPECT_THAT(Message(status), HasSubstr("up to format 1"));
  }
}

TEST(RecordTest, ARecordOfAnotherKindIsRefused) {
  for (const Case& c : Cases()) {
    std::string body = c.bytes.substr(0, c.bytes.size() - 4);
    body[1] = 'i';
    EXPECT_EQ(c.decode(WithChecksum(body)).code(), StatusCode::kDataLoss) << c.name;
  }
}

TEST(RecordTest, FieldsOfTheWrongLengthAreRefused) {
  for (const Case& c : Cases()) {
    const std::string body = c.bytes.substr(0, c.bytes.size() - 4);
    EXPECT_EQ(c.decode(WithChecksum(body.substr(0, 5))).code(), StatusCode::kDataLoss) << c.name;
  }
}

TEST(RecordTest, AnEntryUnderAnotherIndexIsRefused) {
  const Status status = DecodeEntry(GroupId{2}, 4412, EncodeEntry(kEntry)).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("log entry 4412 of group 2: damaged (holds entry 4411)"));
}

TEST(RecordTest, ASessionUnderAnotherClientIsRefused) {
  const Status status = DecodeSession(PartitionId{6}, 9, EncodeSession(kSession)).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("holds client 0000000000000102"));
}

TEST(RecordTest, AnEntryForAnUnknownKindIsOfANewerKvd) {
  const std::string bytes = EncodeEntry(kEntry);
  std::string body = bytes.substr(0, bytes.size() - 4);
  body[18] = '\x02';
  const Status status = DecodeEntry(GroupId{2}, 4411, WithChecksum(body)).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status),
            "log entry 4411 of group 2: is for kind 2, this kvd knows up to kind 1; start the "
            "newer kvd that wrote it");
}

TEST(RecordTest, ErrorsDoNotShowStoredKeys) {
  EXPECT_THAT(Message(DecodeStoredValue(PartitionId{6}, "secret", "").status()),
              ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace kvd::storage
