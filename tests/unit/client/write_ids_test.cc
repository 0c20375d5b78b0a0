// The numbers writes are sent under, and the bases that go with them.

#include "client/write_ids.h"

#include <gtest/gtest.h>

#include "client/bases.h"
#include "common/hash.h"

namespace kvd::client {
namespace {

// Client numbers 101, 102, ...
WriteIds Counted() {
  return WriteIds([next = uint64_t{100}]() mutable { return ++next; });
}

TEST(WriteIdsTest, DoneBelowIsTheLowestUnfinished) {
  WriteIds ids = Counted();
  const RequestId first = ids.Begin();
  const RequestId second = ids.Begin();
  EXPECT_EQ(first.sequence, 1U);
  EXPECT_EQ(second.sequence, 2U);
  EXPECT_EQ(second.done_below, 1U);
  ids.Finish(second);
  EXPECT_EQ(ids.Begin().done_below, 1U);
  ids.Finish(first);
  EXPECT_EQ(ids.Begin().done_below, 3U);
}

TEST(WriteIdsTest, AbandonedWriteIsNeverCalledFinished) {
  WriteIds ids = Counted();
  const RequestId lost = ids.Begin();
  const RequestId under_way = ids.Begin();
  ids.Abandon(lost);
  const RequestId next = ids.Begin();
  EXPECT_NE(next.client, lost.client);
  EXPECT_EQ(next.sequence, 1U);
  ids.Finish(under_way);   // Of the old number: no matter.
  ids.Abandon(under_way);  // Nor this.
  EXPECT_EQ(ids.Begin().client, next.client);
}

TEST(RequestIdTest, TextGoesThereAndBack) {
  const RequestId id{.client = 0x8c1e4f02, .sequence = 1, .base = 4407};
  EXPECT_EQ(id.ToString(), "8c1e4f02:1@4407");
  EXPECT_EQ(RequestId::Parse("8c1e4f02:1@4407"), id);
}

TEST(RequestIdTest, OtherTextsAreRefused) {
  for (const char* text : {"", ":", "1:1", "1@1", "1:0@1", "x:1@1", "1:1@", "1@1:1", "1:1@1 ",
                           "-1:1@1", "1:1@18446744073709551616", "0x1:1@1"}) {
    EXPECT_FALSE(RequestId::Parse(text)) << text;
  }
}

TEST(BasesTest, HighestIndexKnownCountsOnceTheRingIsKnown) {
  Bases bases;
  const PartitionId partition = PartitionOf("k", 16);
  bases.Learn(partition, 9);
  EXPECT_EQ(bases.Of("k"), 0U);
  Ring ring;
  ring.partitions.resize(16);
  ring.partitions[partition.value].base = 4;
  bases.Learn(ring);
  EXPECT_EQ(bases.Of("k"), 9U);
  bases.Learn(partition, 12);
  bases.Learn(partition, 3);
  EXPECT_EQ(bases.Of("k"), 12U);
}

}  // namespace
}  // namespace kvd::client
