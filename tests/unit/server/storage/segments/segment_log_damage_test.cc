// What a power cut and a bad disk leave of the log. The world: 12 entries, one per batch, in
// segments of 1 KiB, three or four to each; the files copied, damaged, and opened again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/storage/files.h"
#include "server/storage/segments/segment_log.h"
#include "tests/unit/server/storage/worlds.h"

namespace kvd::storage {
namespace {

using ::testing::HasSubstr;

constexpr GroupId kGroup{1};
constexpr Index kEntries = 12;
constexpr uint64_t kSegmentBytes = 1024;
constexpr size_t kBatchOverhead = 32 + 9 + 23;

std::string Payload(Index index) {
  return std::string(150 + index, static_cast<char>('a' + index));
}

GroupWrite Writes(Index index, Term term = 1) {
  return {.group = kGroup, .entries = {{.index = index, .term = term, .payload = Payload(index)}}};
}

std::string Flip(std::string bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
  return bytes;
}

std::string Zero(std::string bytes, size_t from, size_t to) {
  return bytes.replace(from, to - from, to - from, '\0');
}

class SegmentLogDamageTest : public ::testing::Test {
 protected:
  SegmentLogDamageTest() {
    const std::string path = dir_ / "log";
    auto opened = OpenSegmentLog(path, {.segment_bytes = kSegmentBytes});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    for (Index index = 1; index <= kEntries; ++index) {
      KVD_CHECK(opened->log->Append(std::vector{Writes(index)}).ok(), "append");
    }
    CopyLog(path, crashed_);
    opened->log.reset();
    CopyLog(path, stopped_);
    for (const std::string& name : Segments(crashed_)) {
      const std::string bytes = ReadFile(crashed_ + "/" + name).value();
      if (bytes.find(Payload(kEntries)) == std::string::npos) continue;
      last_ = name;
      last_end_ = bytes.find(Payload(kEntries)) + Payload(kEntries).size() + 4;
      last_begin_ = last_end_ - Payload(kEntries).size() - kBatchOverhead;
    }
  }

  // A log after a crash, or after a clean stop.
  std::string Copy(const std::string& of) {
    const std::string copy = dir_ / ("copy" + std::to_string(++copies_));
    std::filesystem::copy(of, copy, std::filesystem::copy_options::recursive);
    return copy;
  }

  // Without what was being made of the next one.
  static std::vector<std::string> Segments(const std::string& path) {
    auto names = NamesIn(path);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".segment"); });
    return names;
  }

  static std::string Bytes(const std::string& path, const std::string& name) {
    return ReadFile(path + "/" + name).value();
  }

  static void Replace(const std::string& path, const std::string& name, const std::string& bytes) {
    std::ofstream(path + "/" + name, std::ios::binary | std::ios::trunc) << bytes;
  }

  static StatusOr<OpenedSegmentLog> Open(const std::string& path, bool last_stop_was_clean) {
    return OpenSegmentLog(
        path, {.last_stop_was_clean = last_stop_was_clean, .segment_bytes = kSegmentBytes});
  }

  static void ExpectRefused(const std::string& path, bool last_stop_was_clean = false) {
    const auto before = NamesIn(path);
    const auto opened = Open(path, last_stop_was_clean);
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    EXPECT_THAT(Message(opened.status()), HasSubstr(path));
    EXPECT_THAT(Message(opened.status()), HasSubstr("replace this node"));
    EXPECT_EQ(NamesIn(path), before) << "evidence must stay";
  }

  // All entries up to `last` are there, and no other.
  static void ExpectHolds(const StatusOr<OpenedSegmentLog>& opened, Index last) {
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->log->Groups().value().front().last, last);
    const auto entries = opened->log->Read(kGroup, 1, last, UINT64_MAX);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const Entry& entry : *entries) EXPECT_EQ(entry.payload, Payload(entry.index));
  }

  void ExpectTorn(const std::string& damaged) {
    const std::string path = Copy(crashed_);
    Replace(path, last_, damaged);
    {
      const auto opened = Open(path, false);
      ExpectHolds(opened, kEntries - 1);
      ASSERT_TRUE(opened->cut.has_value());
      EXPECT_THAT(*opened->cut, HasSubstr(path + "/" + last_));
    }
    // The log goes on, and tells once.
    auto again = Open(path, true);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_FALSE(again->cut.has_value());
    ASSERT_TRUE(again->log->Append(std::vector{Writes(kEntries, 2)}).ok());
    again->log.reset();
    ExpectHolds(Open(path, true), kEntries);
  }

  TempDir dir_;
  int copies_ = 0;
  const std::string crashed_ = dir_ / "crashed";
  const std::string stopped_ = dir_ / "stopped";
  std::string last_;  // The segment with the last batch, and where that stands.
  size_t last_begin_ = 0;
  size_t last_end_ = 0;
};

TEST_F(SegmentLogDamageTest, WithoutDamageNothingIsCut) {
  for (const bool clean : {false, true}) {
    const auto opened = Open(Copy(clean ? stopped_ : crashed_), clean);
    ExpectHolds(opened, kEntries);
    EXPECT_FALSE(opened->cut.has_value());
  }
}

TEST_F(SegmentLogDamageTest, EveryFlippedByteIsTornOnlyInTheLastBatch) {
  for (const std::string& name : Segments(crashed_)) {
    const std::string bytes = Bytes(crashed_, name);
    for (size_t at = 0; at < bytes.size(); at += 1 + at % 13) {
      SCOPED_TRACE(name + " at " + std::to_string(at));
      const std::string path = Copy(crashed_);
      Replace(path, name, Flip(bytes, at));
      const auto opened = Open(path, false);
      const bool may_be_torn = name == last_ && at >= last_begin_;
      if (!opened.ok()) {
        EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
        EXPECT_THAT(Message(opened.status()), HasSubstr(name));
        EXPECT_FALSE(may_be_torn);
        EXPECT_EQ(Bytes(path, name), Flip(bytes, at)) << "evidence must stay";
      } else if (may_be_torn && at < last_end_) {
        ExpectHolds(opened, kEntries - 1);
        EXPECT_TRUE(opened->cut.has_value());
      } else {
        ExpectHolds(opened, kEntries);  // Behind the end of what the file holds.
      }
      std::filesystem::remove_all(path);
    }
  }
}

TEST_F(SegmentLogDamageTest, AfterACleanStopEveryFlippedByteOfABatchIsRefused) {
  for (const std::string& name : Segments(stopped_)) {
    const std::string bytes = Bytes(stopped_, name);
    const size_t end = bytes.find_last_not_of('\0') + 1;
    for (size_t at = 0; at < end; at += 1 + at % 13) {
      SCOPED_TRACE(name + " at " + std::to_string(at));
      const std::string path = Copy(stopped_);
      Replace(path, name, Flip(bytes, at));
      EXPECT_EQ(Open(path, true).status().code(), StatusCode::kDataLoss);
      std::filesystem::remove_all(path);
    }
  }
}

TEST_F(SegmentLogDamageTest, EveryShorterFileIsRefused) {
  for (const std::string& name : Segments(crashed_)) {
    const std::string bytes = Bytes(crashed_, name);
    for (size_t size = 0; size < bytes.size(); size += 41) {
      const std::string path = Copy(crashed_);
      Replace(path, name, bytes.substr(0, size));
      EXPECT_EQ(Open(path, false).status().code(), StatusCode::kDataLoss) << name << " " << size;
      std::filesystem::remove_all(path);
    }
  }
}

TEST_F(SegmentLogDamageTest, AMissingSegmentIsRefused) {
  const auto names = Segments(crashed_);
  for (const std::string& name : names) {
    if (name >= last_) continue;
    const std::string path = Copy(crashed_);
    std::filesystem::remove(path + "/" + name);
    const auto opened = Open(path, false);
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss) << name;
  }
}

TEST_F(SegmentLogDamageTest, AfterACleanStopTheLastSegmentIsMissed) {
  const std::string path = Copy(stopped_);
  std::filesystem::remove(path + "/" + last_);
  ExpectRefused(path, /*last_stop_was_clean=*/true);
}

TEST_F(SegmentLogDamageTest, ATornLastBatchIsCutOff) {
  const std::string bytes = Bytes(crashed_, last_);
  ExpectTorn(Zero(bytes, last_end_ - 30, last_end_));
  ExpectTorn(Zero(bytes, last_begin_ + 8, last_end_));
  ExpectTorn(Zero(bytes, last_begin_ + 32, last_end_));
  ExpectTorn(Zero(bytes, last_begin_ + 64, last_begin_ + 128));
  ExpectTorn(Flip(bytes, last_begin_));
}

TEST_F(SegmentLogDamageTest, ALastBatchThatNeverReachedTheDiskIsNotMissed) {
  const std::string path = Copy(crashed_);
  Replace(path, last_, Zero(Bytes(crashed_, last_), last_begin_, last_end_));
  ExpectHolds(Open(path, false), kEntries - 1);
}

TEST_F(SegmentLogDamageTest, ATornLastBatchWhoseHeadNeverReachedTheDiskIsNeverReadAgain) {
  const std::string path = Copy(crashed_);
  Replace(path, last_, Zero(Bytes(crashed_, last_), last_begin_, last_begin_ + 60));
  auto opened = Open(path, false);
  ExpectHolds(opened, kEntries - 1);
  const std::vector<GroupWrite> vote = {
      {.group = kGroup, .hard_state = HardState{.term = 9, .voted_for = {}}}};
  ASSERT_TRUE(opened->log->Append(vote).ok());
  opened->log.reset();
  ExpectHolds(Open(path, true), kEntries - 1);
}

TEST_F(SegmentLogDamageTest, GarbageInThePlaceOfTheNextBatchIsCutOff) {
  const std::string path = Copy(crashed_);
  std::string bytes = Bytes(crashed_, last_);
  bytes.replace(last_end_, 3, "abc");
  Replace(path, last_, bytes);
  const auto opened = Open(path, false);
  ExpectHolds(opened, kEntries);
  EXPECT_TRUE(opened->cut.has_value());
}

TEST_F(SegmentLogDamageTest, ATornFirstBatchOfASegmentIsCutOff) {
  // The last segment as it was when its first batch was being written.
  const std::string path = Copy(crashed_);
  const std::string bytes = Bytes(crashed_, last_);
  Replace(path, last_, Zero(bytes, 80, bytes.size()));
  for (const std::string& name : Segments(path)) {
    if (name > last_) std::filesystem::remove(path + "/" + name);
  }
  auto opened = Open(path, false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->cut.has_value());
  const Index last = opened->log->Groups().value().front().last;
  EXPECT_LT(last, kEntries);
  for (Index index = last + 1; index <= kEntries; ++index) {
    ASSERT_TRUE(opened->log->Append(std::vector{Writes(index)}).ok());
  }
  opened->log.reset();
  ExpectHolds(Open(path, true), kEntries);
}

TEST_F(SegmentLogDamageTest, AfterACrashALogThatEndsWithNoCleanStopIsRefusedAsClean) {
  ExpectRefused(Copy(crashed_), /*last_stop_was_clean=*/true);
}

TEST_F(SegmentLogDamageTest, AnEntryDamagedLaterIsAnErrorAndNeverAnAbsence) {
  const std::string path = Copy(crashed_);
  const auto opened = Open(path, false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string name = Segments(path).front();
  const std::string bytes = Bytes(path, name);
  Replace(path, name, Flip(bytes, bytes.find(Payload(2)) + 9));
  EXPECT_TRUE(opened->log->Read(kGroup, 1, 1, UINT64_MAX).ok());
  const Status read = opened->log->Read(kGroup, 1, 3, UINT64_MAX).status();
  EXPECT_EQ(read.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(read), HasSubstr(name));
  EXPECT_THAT(Message(read), HasSubstr("log entry 2 of group 1"));
}

TEST_F(SegmentLogDamageTest, TheLogOfAPreReleaseIsRefused) {
  const std::string path = dir_ / "rocks";
  std::filesystem::create_directory(path);
  Replace(path, "CURRENT", "MANIFEST-000004\n");
  Replace(path, "000005.log", "");
  const auto opened = Open(path, false);
  EXPECT_EQ(opened.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(opened.status()), HasSubstr(path));
  EXPECT_THAT(Message(opened.status()), HasSubstr("empty the data directory"));
}

}  // namespace
}  // namespace kvd::storage
