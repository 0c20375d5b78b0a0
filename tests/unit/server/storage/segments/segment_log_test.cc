// How the log on disk uses its files: dropped, recycled, moved from, grown. Segments are of 4 KiB
// and hold a handful of entries of 500 bytes each.

#include "server/storage/segments/segment_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/random.h"
#include "server/storage/files.h"
#include "server/storage/memory_log.h"
#include "server/storage/segments/segment_file.h"
#include "tests/unit/server/storage/worlds.h"

namespace kvd::storage {
namespace {

constexpr GroupId kBusy{1};
constexpr GroupId kQuiet{2};
constexpr uint64_t kSegmentBytes = 4096;

GroupWrite Writes(GroupId group, Index index, size_t bytes = 500) {
  std::string payload = std::to_string(group.value) + "/" + std::to_string(index) + "/";
  payload.resize(std::max(bytes, payload.size()), 'x');
  return {.group = group, .entries = {{.index = index, .term = 1, .payload = payload}}};
}

class SegmentLogTest : public ::testing::Test {
 protected:
  SegmentLogTest() { Open(true); }

  void Open(bool clean) {
    log_.reset();
    auto opened =
        OpenSegmentLog(path_, {.last_stop_was_clean = clean, .segment_bytes = kSegmentBytes});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    KVD_CHECK(!opened->cut, "nothing was torn");
    log_ = std::move(opened->log);
  }

  void Crash() {
    const std::string crashed = dir_ / ("crashed" + std::to_string(++crashes_));
    CopyLog(path_, crashed);
    path_ = crashed;
    Open(false);
  }

  void Append(const GroupWrite& write) {
    const Status appended = log_->Append(std::vector{write});
    ASSERT_TRUE(appended.ok()) << appended;
  }

  void ExpectEntry(GroupId group, Index index) {
    const auto entries = log_->Read(group, index, index, UINT64_MAX);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_THAT(std::string(entries->front().payload),
                ::testing::StartsWith(std::to_string(group.value) + "/" + std::to_string(index)));
  }

  size_t Files() { return NamesIn(path_).size(); }

  TempDir dir_;
  int crashes_ = 0;
  std::string path_ = dir_ / "log";
  std::unique_ptr<Log> log_;
};

TEST_F(SegmentLogTest, EntriesOverManySegmentsAreRead) {
  for (Index index = 1; index <= 200; ++index) Append(Writes(kBusy, index));
  EXPECT_GT(Files(), 20U);
  for (int restart = 0; restart < 3; ++restart) {
    const auto entries = log_->Read(kBusy, 1, 200, UINT64_MAX);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_EQ(entries->size(), 200U);
    restart == 0 ? Crash() : Open(true);
  }
}

TEST_F(SegmentLogTest, SegmentsWithoutEntriesAreDroppedAndRecycled) {
  for (Index index = 1; index <= 800; ++index) {
    Append(Writes(kBusy, index));
    if (index % 10 == 0) {
      ASSERT_TRUE(log_->TruncatePrefix(kBusy, index - 5).ok());
    }
    // Stale batches fill the recycled files and are never taken for the log's.
    if (index % 130 == 0) Crash();
  }
  Open(true);
  EXPECT_LT(Files(), 10U);
  EXPECT_LE(log_->disk_bytes(), 10 * kSegmentBytes);
  EXPECT_EQ(log_->Groups().value().front().first, 796U);
  for (Index index = 796; index <= 800; ++index) ExpectEntry(kBusy, index);
}

TEST_F(SegmentLogTest, BatchesOfOneSizeInRecycledFilesNeverComeBack) {
  // Every segment looks like the one before, so that stale batches stand where batches begin.
  Term term = 1;
  for (int round = 0; round < 300; ++round) {
    Append({.group = kBusy, .hard_state = HardState{.term = ++term, .voted_for = {}}});
    if (round % 37 == 0) Crash();
    ASSERT_EQ(log_->Groups().value().front().hard_state.term, term);
  }
}

TEST_F(SegmentLogTest, AQuietGroupKeepsNoSegmentsAlive) {
  Append(Writes(kQuiet, 1));
  Append({.group = kQuiet, .hard_state = HardState{.term = 7, .voted_for = ReplicaId{3}}});
  Append(Writes(kQuiet, 2));
  for (Index index = 1; index <= 600; ++index) {
    Append(Writes(kBusy, index));
    ASSERT_TRUE(log_->TruncatePrefix(kBusy, index - 1).ok());
    if (index % 100 == 0) Crash();
  }
  EXPECT_LT(Files(), 12U);
  EXPECT_EQ(log_->Groups().value()[1].hard_state.term, 7U);
  ExpectEntry(kQuiet, 1);
  ExpectEntry(kQuiet, 2);
  Open(true);
  ExpectEntry(kQuiet, 2);
  ExpectEntry(kBusy, 600);
}

TEST_F(SegmentLogTest, ABatchLargerThanASegmentIsWrittenWhole) {
  Append(Writes(kBusy, 1, 100'000));
  Append(Writes(kBusy, 2));
  Append(Writes(kBusy, 3, 300'000));
  Append(Writes(kBusy, 4, 100'000));
  Crash();
  for (Index index = 1; index <= 4; ++index) ExpectEntry(kBusy, index);
  ASSERT_TRUE(log_->TruncatePrefix(kBusy, 4).ok());
  for (Index index = 5; index <= 40; ++index) Append(Writes(kBusy, index));
  Open(true);
  ExpectEntry(kBusy, 40);
}

TEST(SegmentFileTest, FileThatIsNeededBeforeItIsFilledGrows) {
  const TempDir dir;
  const SegmentHeader header{.number = 1, .salt = 7, .filled_bytes = 2U << 20U};
  const auto made =
      SegmentFile::Make(dir / "", "new", header, [] { return SegmentFile::Filling::kLeave; });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->header().filled_bytes, 0U);
  EXPECT_LT(std::filesystem::file_size((*made)->path()), 1000U);
  const auto again = SegmentFile::Open((*made)->path());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->header(), (*made)->header());
}

TEST(SegmentFileTest, FileThatIsNotNeededIsLeftUnfinished) {
  const TempDir dir;
  const SegmentHeader header{.number = 1, .salt = 7, .filled_bytes = 2U << 20U};
  const auto made =
      SegmentFile::Make(dir / "", "new", header, [] { return SegmentFile::Filling::kStop; });
  EXPECT_EQ(made.status().code(), StatusCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(dir / SegmentName(1)));
}

TEST(SegmentLogGrowthTest, WritesFasterThanSegmentsAreFilledAreKept) {
  const TempDir dir;
  const auto open = [&](bool clean) {
    auto opened = OpenSegmentLog(dir / "log", {.last_stop_was_clean = clean});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    return std::move(opened->log);
  };
  auto log = open(true);
  for (Index index = 1; index <= 40; ++index) {
    ASSERT_TRUE(log->Append(std::vector{Writes(kBusy, index, 512U << 10U)}).ok());
  }
  log.reset();
  log = open(true);
  for (Index index = 1; index <= 40; ++index) {
    const auto entries = log->Read(kBusy, index, index, UINT64_MAX);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_EQ(entries->front().payload.size(), 512U << 10U);
  }
}

TEST_F(SegmentLogTest, ManyGroupsSurviveInTheCheckpoint) {
  for (uint32_t group = 1; group <= 300; ++group) {
    Append({.group = GroupId{group}, .hard_state = HardState{.term = group, .voted_for = {}}});
  }
  for (Index index = 1; index <= 50; ++index) {
    Append(Writes(kBusy, index));
    ASSERT_TRUE(log_->TruncatePrefix(kBusy, index).ok());
  }
  Crash();
  const auto groups = log_->Groups().value();
  ASSERT_EQ(groups.size(), 300U);
  EXPECT_EQ(groups[299].hard_state.term, 300U);
}

TEST_F(SegmentLogTest, OpeningManyTimesChangesNothing) {
  Append(Writes(kBusy, 1));
  const uint64_t bytes = log_->disk_bytes();
  for (int restart = 0; restart < 100; ++restart) Open(true);
  EXPECT_EQ(log_->disk_bytes(), bytes);
  ExpectEntry(kBusy, 1);
}

TEST_F(SegmentLogTest, ReadsGoOnWhileSegmentsAreDropped) {
  Append(Writes(kQuiet, 1));
  Append(Writes(kBusy, 1));
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    while (!stop) {
      if (!log_->Read(kQuiet, 1, 1, 1).ok()) ++wrong;
      const Index last = log_->Groups().value().front().last;
      const auto entries = log_->Read(kBusy, last, last, 1);
      if (!entries.ok() && entries.status().code() != StatusCode::kOutOfRange) ++wrong;
    }
  });
  for (Index index = 2; index <= 600; ++index) {
    Append(Writes(kBusy, index));
    ASSERT_TRUE(log_->TruncatePrefix(kBusy, index - 1).ok());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

// Against the twin in memory, over many random appends, overwrites, truncations, resets,
// crashes and clean stops.
class Rivals {
 public:
  explicit Rivals(uint64_t seed) : random_(seed) {}

  void Step(Log& log, MemoryLog& twin) {
    const GroupId group{static_cast<uint32_t>(random_.Below(6))};
    const GroupExtent extent = ExtentOf(twin, group);
    if (random_.Below(8) == 0 && extent.last >= extent.first) {
      const Index through = random_.Between(extent.first, extent.last);
      KVD_CHECK(log.TruncatePrefix(group, through).ok(), "truncate");
      KVD_CHECK(twin.TruncatePrefix(group, through).ok(), "truncate");
      return;
    }
    GroupWrite write{.group = group};
    Index next = extent.last + 1;
    if (random_.Below(60) == 0) return Replace(extent, log, twin);
    if (random_.Below(40) == 0) {
      const Index index = random_.Between(extent.first - 1, extent.last + 5);
      write.reset = GroupWrite::Reset{.index = index, .term = extent.hard_state.term};
      next = index + 1;
    } else if (random_.Below(6) == 0) {
      next = random_.Between(extent.first, next);
    }
    if (random_.Below(3) == 0)
      write.hard_state = HardState{.term = extent.hard_state.term + 1, .voted_for = {}};
    for (uint64_t count = random_.Below(4); count > 0; --count, ++next) {
      write.entries.push_back({.index = next,
                               .term = random_.Below(9),
                               .payload = std::string(random_.Below(700), 'a')});
    }
    const std::vector<GroupWrite> writes = {write};
    KVD_CHECK(log.Append(writes).ok(), "append");
    KVD_CHECK(twin.Append(writes).ok(), "append");
  }

 private:
  void Replace(const GroupExtent& extent, Log& log, MemoryLog& twin) {
    GroupWrite write{.group = extent.group};
    write.remove = ReplicaId{std::max(extent.replica.value, extent.removed.value + 1)};
    if (random_.Below(2) == 0) {
      write.create = {.id = ReplicaId{write.remove->value + 1},
                      .initial = std::string(random_.Below(100), 'i')};
    }
    KVD_CHECK(log.Append({&write, 1}).ok(), "append");
    KVD_CHECK(twin.Append({&write, 1}).ok(), "append");
  }

  static GroupExtent ExtentOf(const MemoryLog& twin, GroupId group) {
    const auto groups = twin.Groups().value();
    for (const GroupExtent& extent : groups) {
      if (extent.group == group) return extent;
    }
    return {.group = group};
  }

  Random random_;
};

TEST_F(SegmentLogTest, WhateverHappensItHoldsWhatTheTwinHolds) {
  MemoryLog twin;
  Rivals rivals(11);
  for (int step = 1; step <= 1500; ++step) {
    rivals.Step(*log_, twin);
    if (step % 71 == 0) Crash();
    if (step % 200 == 0) Open(true);
    if (step % 50 != 0) continue;
    const auto groups = twin.Groups().value();
    ASSERT_EQ(log_->Groups().value(), groups) << step;
    for (const GroupExtent& group : groups) {
      if (group.last < group.first) continue;
      const auto entries = log_->Read(group.group, group.first, group.last, UINT64_MAX);
      ASSERT_TRUE(entries.ok()) << step << " " << entries.status();
      ASSERT_EQ(*entries, twin.Read(group.group, group.first, group.last, UINT64_MAX).value());
    }
  }
  EXPECT_LT(Files(), 60U);
}

// A clock that is a second further whenever it is asked.
class TickingClock : public Clock {
 public:
  [[nodiscard]] Instant Now() const override { return Instant(std::chrono::seconds(++asked_)); }

 private:
  mutable int64_t asked_ = 0;
};

TEST(SegmentLogSyncTest, EveryBatchIsToldWithItsBytesAndItsTime) {
  const TempDir dir;
  const TickingClock clock;
  std::vector<std::pair<uint64_t, Duration>> told;
  auto opened = OpenSegmentLog(
      dir / "log",
      {.on_synced = [&](uint64_t bytes, Duration took) { told.emplace_back(bytes, took); },
       .clock = &clock});
  ASSERT_TRUE(opened.ok());
  told.clear();  // The log's beginning.
  ASSERT_TRUE(opened->log->Append(std::vector{Writes(kBusy, 1, 1000)}).ok());
  ASSERT_TRUE(opened->log->Append(std::vector{Writes(kBusy, 2, 5000), Writes(kQuiet, 1)}).ok());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_GT(told[0].first, 1000U);
  EXPECT_LT(told[0].first, 1500U);
  EXPECT_GT(told[1].first, 5500U);
  for (const auto& [bytes, took] : told) EXPECT_EQ(took, std::chrono::seconds(1)) << bytes;
}

}  // namespace
}  // namespace kvd::storage
