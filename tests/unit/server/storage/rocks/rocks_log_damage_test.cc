// What a power cut and a bad disk leave of the log's write-ahead file. The world: 50 batches, each
// synced, of one entry; the files copied while the log is open, damaged, and opened again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "server/storage/files.h"
#include "server/storage/rocks/rocks_log.h"
#include "server/storage/rocks/wal.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

using ::testing::HasSubstr;

constexpr GroupId kGroup{1};
constexpr Index kEntries = 50;

class World {
 public:
  // Small payloads put all batches into one block of 32 KiB; large ones spread each over several.
  explicit World(size_t payload_bytes) : original_(dir_ / "original") {
    auto opened = OpenRocksLog(original_, {.memory = {}, .on_fatal = {}});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    log_ = std::move(opened->log);
    for (Index index = 1; index <= kEntries; ++index) {
      const std::string payload(payload_bytes, static_cast<char>('a' + index % 26));
      const std::vector<GroupWrite> writes = {
          {.group = kGroup,
           .hard_state = {},
           .entries = {{.index = index, .term = 1, .payload = payload}}}};
      KVD_CHECK(log_->Append(writes).ok(), "append");
      ends_.push_back(Wal().size());
    }
  }

  // Where batches, and the last one, begin and end in the file.
  size_t begin(Index batch) const { return ends_[batch - 2]; }
  size_t last_begin() const { return begin(kEntries); }
  size_t last_end() const { return ends_[kEntries - 1]; }

  std::string Wal() const { return ReadFile(WalPath(original_)).value(); }

  // Opens a copy of the log whose write-ahead file holds `wal`.
  StatusOr<OpenedRocksLog> OpenWith(const std::string& wal, bool last_stop_was_clean) {
    copy_ = dir_ / ("copy" + std::to_string(++copies_));
    std::filesystem::copy(original_, copy_, std::filesystem::copy_options::recursive);
    wal_path_ = WalPath(copy_);
    std::ofstream(wal_path_, std::ios::binary | std::ios::trunc) << wal;
    return OpenRocksLog(copy_,
                        {.last_stop_was_clean = last_stop_was_clean, .memory = {}, .on_fatal = {}});
  }

  // Of the copy opened last.
  const std::string& wal_path() const { return wal_path_; }
  const std::string& copy() const { return copy_; }

 private:
  static std::string WalPath(const std::string& path) {
    for (const std::string& name : NamesIn(path)) {
      if (name.ends_with(".log")) return path + "/" + name;
    }
    KVD_CHECK(false, "no write-ahead file");
  }

  TempDir dir_;
  std::string original_;
  std::string copy_;
  std::string wal_path_;
  std::unique_ptr<Log> log_;
  std::vector<size_t> ends_;
  int copies_ = 0;
};

enum class Outcome { kIntact, kTorn, kCorrupt };

struct Case {
  std::string name;
  std::function<std::string(std::string wal, const World& world)> damage;
  Outcome outcome;
};

std::string Flip(std::string wal, size_t at) {
  wal[at] = static_cast<char>(wal[at] ^ 0x04);
  return wal;
}

std::string Zero(std::string wal, size_t from, size_t to) {
  return wal.replace(from, to - from, to - from, '\0');
}

std::vector<Case> Cases() {
  return {
      {"nothing", [](std::string w, const World&) { return w; }, Outcome::kIntact},
      {"bit flip in the middle",
       [](std::string w, const World& c) { return Flip(w, c.last_end() / 2); }, Outcome::kCorrupt},
      {"bit flip in the first batch", [](std::string w, const World&) { return Flip(w, 20); },
       Outcome::kCorrupt},
      {"bit flip in the first length", [](std::string w, const World&) { return Flip(w, 5); },
       Outcome::kCorrupt},
      {"bit flip in the last but one",
       [](std::string w, const World& c) { return Flip(w, c.last_begin() - 9); },
       Outcome::kCorrupt},
      {"zeros in the middle",
       [](std::string w, const World& c) {
         return Zero(w, c.last_begin() / 2, c.last_begin() / 2 + 100);
       },
       Outcome::kCorrupt},
      {"everything but the last zeroed",
       [](std::string w, const World& c) { return Zero(w, 0, c.last_begin()); }, Outcome::kCorrupt},
      {"a batch gone from the middle",
       [](std::string w, const World& c) {
         return w.erase(c.begin(20), c.begin(21) - c.begin(20));
       },
       Outcome::kCorrupt},
      {"bit flip in the last length",
       [](std::string w, const World& c) { return Flip(w, c.last_begin() + 4); }, Outcome::kTorn},
      {"bit flip in the last type",
       [](std::string w, const World& c) { return Flip(w, c.last_begin() + 6); }, Outcome::kTorn},
      {"bit flip in the last body",
       [](std::string w, const World& c) { return Flip(w, c.last_end() - 3); }, Outcome::kTorn},
      {"zeros at the end of the last",
       [](std::string w, const World& c) { return Zero(w, c.last_end() - 30, w.size()); },
       Outcome::kTorn},
      {"the last zeroed whole",
       [](std::string w, const World& c) { return Zero(w, c.last_begin(), w.size()); },
       Outcome::kTorn},
      {"cut inside the last header",
       [](std::string w, const World& c) { return w.substr(0, c.last_begin() + 3); },
       Outcome::kTorn},
      {"cut inside the last body",
       [](std::string w, const World& c) { return w.substr(0, c.last_end() - 5); }, Outcome::kTorn},
      {"a byte missing",
       [](std::string w, const World& c) { return w.substr(0, c.last_end() - 1); }, Outcome::kTorn},
  };
}

class RocksLogDamageTest : public ::testing::TestWithParam<size_t> {};

TEST_P(RocksLogDamageTest, DamageIsTornOnlyInTheLastBatch) {
  World world(GetParam());
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const std::string damaged = c.damage(world.Wal(), world);
    const auto opened = world.OpenWith(damaged, /*last_stop_was_clean=*/false);
    if (c.outcome == Outcome::kCorrupt) {
      EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
      EXPECT_THAT(Message(opened.status()), HasSubstr(world.wal_path()));
      EXPECT_THAT(Message(opened.status()), HasSubstr("replace this node"));
      EXPECT_EQ(ReadFile(world.wal_path()).value(), damaged) << "evidence must stay";
      continue;
    }
    ASSERT_TRUE(opened.ok()) << opened.status();
    const Index left = c.outcome == Outcome::kTorn ? kEntries - 1 : kEntries;
    EXPECT_EQ(opened->log->Groups().value().front().last, left);
    EXPECT_EQ(opened->log->Read(kGroup, 1, left, UINT64_MAX).value().size(), left);
    EXPECT_EQ(opened->cut.has_value(), c.outcome == Outcome::kTorn);
    EXPECT_THAT(opened->cut.value_or(world.wal_path()), HasSubstr(world.wal_path()));
  }
}

TEST_P(RocksLogDamageTest, AfterACleanStopNothingMayBeTorn) {
  World world(GetParam());
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const auto opened = world.OpenWith(c.damage(world.Wal(), world), /*last_stop_was_clean=*/true);
    EXPECT_EQ(opened.status().code(),
              c.outcome == Outcome::kIntact ? StatusCode::kOk : StatusCode::kDataLoss);
  }
}

TEST_P(RocksLogDamageTest, GarbageAfterTheLastBatchIsCutOff) {
  World world(GetParam());
  for (const std::string& garbage : {std::string(100, '\xa5'), std::string(40000, '\0'),
                                     std::string("\1"), world.Wal().substr(0, 5000)}) {
    const auto opened = world.OpenWith(world.Wal() + garbage, /*last_stop_was_clean=*/false);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->log->Groups().value().front().last, kEntries);
    EXPECT_FALSE(world.OpenWith(world.Wal() + garbage, /*last_stop_was_clean=*/true).ok());
  }
}

TEST_P(RocksLogDamageTest, EveryCutOfTheLastBatchLeavesTheOthers) {
  World world(GetParam());
  const std::string wal = world.Wal();
  for (size_t size = world.last_begin(); size <= world.last_end(); size += 1 + GetParam() / 40) {
    const WalScan scan = ScanWal(wal.substr(0, size), 0);
    EXPECT_EQ(scan.last_batch, kEntries - (size == wal.size() ? 0 : 1)) << size;
    EXPECT_EQ(scan.batch_after_damage, std::nullopt) << size;
  }
}

TEST_P(RocksLogDamageTest, ALogThatWasCutGoesOn) {
  World world(GetParam());
  const std::string torn = world.Wal().substr(0, world.last_end() - 1);
  auto opened = world.OpenWith(torn, /*last_stop_was_clean=*/false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<GroupWrite> writes = {
      {.group = kGroup,
       .hard_state = {},
       .entries = {{.index = kEntries, .term = 2, .payload = "again"}}}};
  ASSERT_TRUE(opened->log->Append(writes).ok());
  opened->log.reset();
  const auto again =
      OpenRocksLog(world.copy(), {.last_stop_was_clean = true, .memory = {}, .on_fatal = {}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->log->Groups().value().front().last_term, 2U);
}

INSTANTIATE_TEST_SUITE_P(InOneBlock, RocksLogDamageTest, ::testing::Values(80));
INSTANTIATE_TEST_SUITE_P(AcrossBlocks, RocksLogDamageTest, ::testing::Values(70000));

TEST(RocksLogFilesTest, ADatabaseThatLostItsHeadIsNotBegunAnew) {
  World world(80);
  ASSERT_TRUE(world.OpenWith(world.Wal(), /*last_stop_was_clean=*/false).ok());
  std::filesystem::remove(world.copy() + "/CURRENT");
  const auto opened = OpenRocksLog(world.copy(), {.memory = {}, .on_fatal = {}});
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(opened.status()), HasSubstr("no CURRENT"));
}

TEST(RocksLogFilesTest, ATableThatWasCutIsNoticed) {
  World world(80);
  ASSERT_TRUE(world.OpenWith(world.Wal(), /*last_stop_was_clean=*/false).ok());
  // A damaged table, as the clean close left it.
  for (const std::string& name : NamesIn(world.copy())) {
    if (!name.ends_with(".sst")) continue;
    const std::string table = ReadFile(world.copy() + "/" + name).value();
    ASSERT_TRUE(ReplaceFile(world.copy() + "/" + name, table.substr(0, table.size() / 2)).ok());
  }
  const auto opened = OpenRocksLog(world.copy(), {.memory = {}, .on_fatal = {}});
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss) << opened.status();
}

}  // namespace
}  // namespace kvd::storage
