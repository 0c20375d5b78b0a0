// The bytes of a segment: what is written is read, and nothing else is taken for a batch. Segments
// here hold batches 5, 6 and 7.

#include "server/storage/segments/batch.h"

#include <gtest/gtest.h>

#include <string>

#include "common/bytes.h"
#include "server/storage/segments/changes.h"
#include "server/storage/segments/log_index.h"

namespace kvd::storage {
namespace {

constexpr uint64_t kSalt = 0x1234;
constexpr SegmentHeader kHeader{.number = 9, .salt = kSalt, .filled_bytes = 4096};

std::string Body(std::string_view value) {
  std::string body;
  AddChange(body, ChangeKind::kEntry, GroupId{1}, value);
  return body;
}

// Of 4 KiB, the rest zeros.
std::string SegmentOf(std::initializer_list<uint64_t> batches, uint64_t salt = kSalt) {
  std::string segment = EncodeSegmentHeader({.number = 9, .salt = salt, .filled_bytes = 4096});
  for (const uint64_t number : batches) {
    const std::string batch = EncodeBatch(salt, number, Body("value" + std::to_string(number)));
    segment += batch.substr(0, batch.size() - kBatchHeaderBytes);
  }
  segment.resize(4096, '\0');
  return segment;
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<uint8_t>(byte) >> 4U];
    hex += kDigits[static_cast<uint8_t>(byte) & 0xfU];
  }
  return hex;
}

TEST(BatchTest, BytesOnDiskNeverChange) {
  EXPECT_EQ(Hex(EncodeSegmentHeader(kHeader)),
            "0167090000000000000034120000000000000010000000000000c5d2f474");
  EXPECT_EQ(Hex(EncodeBatch(kSalt, 5, Body("v")).substr(0, 42)),
            "6b7664420a0000000500000000000000905b7fbcb0b4fdf76e475d62ffaeb9d565010000000100000076");
}

TEST(BatchTest, ASegmentHeaderIsReadAsWritten) {
  const std::string bytes = EncodeSegmentHeader(kHeader);
  ASSERT_EQ(bytes.size(), kSegmentHeaderBytes);
  EXPECT_EQ(DecodeSegmentHeader(bytes + "more").value(), kHeader);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeSegmentHeader(bytes.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
}

TEST(BatchTest, BatchesAreReadInOrder) {
  const std::string segment = SegmentOf({5, 6, 7});
  for (const auto expected : {std::optional<uint64_t>(), std::optional<uint64_t>(5)}) {
    const SegmentScan scan = ScanSegment(segment, kSalt, expected);
    ASSERT_EQ(scan.batches.size(), 3U);
    EXPECT_EQ(scan.batches[2].number, 7U);
    EXPECT_EQ(scan.batches[2].body, Body("value7"));
    EXPECT_EQ(scan.batches[2].end(), scan.end);
    EXPECT_FALSE(scan.begun);
    EXPECT_FALSE(scan.stray_batch.has_value());
  }
}

TEST(BatchTest, ABatchOfAnotherSaltIsNone) {
  const SegmentScan scan = ScanSegment(SegmentOf({5, 6}), kSalt + 1, std::nullopt);
  EXPECT_TRUE(scan.batches.empty());
  EXPECT_TRUE(scan.begun);
  EXPECT_FALSE(scan.stray_batch.has_value());
}

TEST(BatchTest, StaleBatchesThatLineUpAreNeverRead) {
  // The file held batches of the same size before; two were written over.
  std::string segment = SegmentOf({5, 6, 7, 8}, kSalt + 1);
  const std::string fresh = SegmentOf({25, 26});
  const uint64_t end = ScanSegment(fresh, kSalt, 25).end;
  segment.replace(0, end + kBatchHeaderBytes, fresh, 0, end + kBatchHeaderBytes);
  const SegmentScan scan = ScanSegment(segment, kSalt, 25);
  EXPECT_EQ(scan.batches.size(), 2U);
  EXPECT_FALSE(scan.begun);
  EXPECT_FALSE(scan.stray_batch.has_value());
}

TEST(BatchTest, AValueThatLooksLikeABatchIsNone) {
  const std::string inner = EncodeBatch(kSalt + 1, 6, Body("inner"));
  std::string segment = EncodeSegmentHeader(kHeader) + EncodeBatch(kSalt, 5, Body(inner));
  segment[kSegmentHeaderBytes] = 'x';  // The batch around it is torn.
  const SegmentScan scan = ScanSegment(segment, kSalt, 5);
  EXPECT_TRUE(scan.begun);
  EXPECT_FALSE(scan.stray_batch.has_value());
}

TEST(BatchTest, ABatchAfterDamageIsFoundWhereverItBegins) {
  const std::string segment = SegmentOf({5, 6, 7});
  const uint64_t first_end = ScanSegment(segment, kSalt, 5).batches[0].end();
  for (uint64_t at = kSegmentHeaderBytes; at < first_end; ++at) {
    std::string damaged = segment;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const SegmentScan scan = ScanSegment(damaged, kSalt, 5);
    EXPECT_TRUE(scan.batches.empty()) << at;
    EXPECT_EQ(scan.stray_batch, 6U) << at;
  }
}

TEST(BatchTest, ABatchThatCannotFollowIsNotRead) {
  EXPECT_EQ(ScanSegment(SegmentOf({5, 7}), kSalt, 5).stray_batch, 7U);
  EXPECT_EQ(ScanSegment(SegmentOf({5, 6}), kSalt, 4).stray_batch, 5U);
  EXPECT_EQ(ScanSegment(SegmentOf({5, 4}), kSalt, 5).stray_batch, 4U);
}

TEST(ChangesTest, ABodyIsReadToItsEnd) {
  std::string body;
  AddChange(body, ChangeKind::kEntry, GroupId{3}, "one");
  AddChange(body, ChangeKind::kCleanStop, GroupId{0}, "");
  ChangeReader reader(body);
  EXPECT_EQ(reader.Next()->bytes, "one");
  const auto second = reader.Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->kind, ChangeKind::kCleanStop);
  EXPECT_EQ(second->offset, kChangeHeaderBytes + 3);
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_TRUE(reader.exhausted());
  ChangeReader cut(std::string_view(body).substr(0, body.size() - 1));
  while (cut.Next()) continue;
  EXPECT_FALSE(cut.exhausted());
}

TEST(ChangesTest, ACheckpointIsReadAsWritten) {
  const std::vector<GroupExtent> extents = {{.group = GroupId{0}},
                                            {.group = GroupId{7},
                                             .hard_state = {.term = 3, .voted_for = ReplicaId{2}},
                                             .first = 5,
                                             .last = 9,
                                             .last_term = 3,
                                             .previous_term = 2,
                                             .replica = ReplicaId{4},
                                             .initial = "i",
                                             .removed = ReplicaId{3}}};
  const std::string bytes = EncodeCheckpoint(extents);
  EXPECT_EQ(DecodeCheckpoint(bytes).value(), extents);
  EXPECT_TRUE(DecodeCheckpoint(EncodeCheckpoint({})).value().empty());
  EXPECT_EQ(DecodeCheckpoint(bytes.substr(1)).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeCheckpoint(bytes + bytes).status().code(), StatusCode::kDataLoss);
}

TEST(ChangesTest, ACheckpointsBytesNeverChange) {
  const std::vector<GroupExtent> extents = {{.group = GroupId{7},
                                             .hard_state = {.term = 3, .voted_for = ReplicaId{2}},
                                             .first = 5,
                                             .last = 9,
                                             .last_term = 3,
                                             .previous_term = 2,
                                             .replica = ReplicaId{4},
                                             .initial = "i",
                                             .removed = ReplicaId{1}}};
  EXPECT_EQ(Hex(EncodeCheckpoint(extents)),
            "01780700000003000000000000000200000000000000050000000000000009000000000000000300000000"
            "00000002000000000000000400000000000000010000000000000001000000695a264e3e");
}

// The log of an earlier build, which knew no replicas.
TEST(ChangesTest, PlainExtentsAreRead) {
  ByteWriter writer;
  writer.U32(7).U64(3).U64(2).U64(5).U64(9).U64(3).U64(2);
  const GroupExtent extent{.group = GroupId{7},
                           .hard_state = {.term = 3, .voted_for = ReplicaId{2}},
                           .first = 5,
                           .last = 9,
                           .last_term = 3,
                           .previous_term = 2};
  EXPECT_EQ(DecodePlainExtents(writer.bytes()).value(), std::vector{extent});
  EXPECT_TRUE(DecodePlainExtents("").value().empty());
  EXPECT_EQ(DecodePlainExtents(writer.bytes() + "x").status().code(), StatusCode::kDataLoss);
}

TEST(LogIndexTest, ALogOfAnEarlierBuildGoesOn) {
  ByteWriter extents;
  extents.U32(7).U64(3).U64(2).U64(6).U64(5).U64(3).U64(3);
  std::string body;
  AddChange(body, ChangeKind::kPlainExtents, kSystemGroup, extents.bytes());
  AddWrite(body, {.group = GroupId{7},
                  .entries = {{.index = 6, .term = 3, .payload = "p"}},
                  .create = GroupWrite::Create{.id = ReplicaId{4}, .initial = "i"}});
  LogIndex index;
  ASSERT_TRUE(index.Apply({.number = 1, .body = body}, 1).ok());
  EXPECT_EQ(*index.Find(GroupId{7}),
            (GroupExtent{.group = GroupId{7},
                         .hard_state = {.term = 3, .voted_for = ReplicaId{2}},
                         .first = 6,
                         .last = 6,
                         .last_term = 3,
                         .previous_term = 3,
                         .replica = ReplicaId{4},
                         .initial = "i"}));
}

TEST(LogIndexTest, AReplicaThatCannotBeIsDamage) {
  const auto apply = [](const GroupWrite& write) {
    std::string body;
    AddChange(body, ChangeKind::kCheckpoint, kSystemGroup,
              EncodeCheckpoint(
                  {{.group = GroupId{7}, .replica = ReplicaId{4}, .removed = ReplicaId{3}}}));
    AddWrite(body, write);
    LogIndex index;
    return index.Apply({.number = 1, .body = body}, 1).code();
  };
  const GroupWrite::Create other{.id = ReplicaId{5}};
  EXPECT_EQ(apply({.group = GroupId{7}, .create = other}), StatusCode::kDataLoss);
  EXPECT_EQ(apply({.group = GroupId{7}, .remove = ReplicaId{3}}), StatusCode::kDataLoss);
  EXPECT_EQ(apply({.group = GroupId{7}, .remove = ReplicaId{4}, .create = other}), StatusCode::kOk);
  const GroupWrite::Create gone{.id = ReplicaId{4}};
  EXPECT_EQ(apply({.group = GroupId{7}, .remove = ReplicaId{4}, .create = gone}),
            StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kvd::storage
