// A majority is lost for good: `kvd recover` makes a cluster of the data directories that are left.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "common/hash.h"
#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr const char* kConsent = "--accept-data-loss";
constexpr int kKeys = 60;
constexpr int kPartitions = 16;

std::vector<std::string> RecoverCommand(const std::vector<fs::path>& dirs,
                                        const std::string& consent) {
  std::vector<std::string> words = {KvdBinary(), "recover"};
  for (const fs::path& dir : dirs) words.insert(words.end(), {"--data-dir", dir.string()});
  if (!consent.empty()) words.push_back(consent);
  return words;
}

Finished Recover(const std::vector<fs::path>& dirs, const std::string& consent = "") {
  return RunToEnd({.command = RecoverCommand(dirs, consent), .directory = "/"});
}

std::string KeyOf(int number) {
  return "key" + std::to_string(number);
}

void Write(const Cluster& cluster, int node) {
  for (int i = 0; i < kKeys; ++i) {
    const auto put = cluster.ClientOf(node).Put(KeyOf(i), "value" + std::to_string(i));
    ASSERT_TRUE(put.ok()) << KeyOf(i);
  }
}

void ExpectAllReadable(const Cluster& cluster, int node) {
  for (int i = 0; i < kKeys; ++i) {
    const auto got = cluster.ClientOf(node).Get(KeyOf(i));
    ASSERT_TRUE(got.ok()) << KeyOf(i);
    ASSERT_TRUE(got->entry.has_value()) << KeyOf(i);
    EXPECT_EQ(got->entry->value, "value" + std::to_string(i));
  }
}

// Three nodes, of which n1 is all that is left. With n3 down, what is acknowledged is on n1.
class LastOfThreeTest : public ::testing::Test {
 protected:
  LastOfThreeTest() {
    cluster_.Kill(3);
    Write(cluster_, 1);
    cluster_.Kill(1);
    cluster_.Kill(2);
  }

  [[nodiscard]] fs::path Dir(int node) const { return cluster_.data_dir(node); }

  void ExpectServedByN1() {
    cluster_.Start(1);
    cluster_.AwaitReady();
    ExpectAllReadable(cluster_, 1);
    EXPECT_TRUE(cluster_.ClientOf(1).Put("after", "the loss").ok());
    EXPECT_EQ(cluster_.ClientOf(1).Get("after")->entry->value, "the loss");
  }

  Cluster cluster_{{.nodes = 4, .founders = 3, .partitions = kPartitions}};
};

TEST_F(LastOfThreeTest, ServesEverythingItHasAndTakesInOthers) {
  const Finished recovered = Recover({Dir(1)}, kConsent);
  EXPECT_EQ(recovered.code, 0) << recovered;
  EXPECT_THAT(recovered.out, AllOf(HasSubstr("17 may lose their last writes"),
                                   HasSubstr("Done. Start n1 with the usual cluster file")));
  ExpectServedByN1();

  cluster_.Start(4);
  cluster_.AwaitReady();
  // Owners of their share: so there are copies, and they are complete.
  cluster_.AwaitPreferredOwners();
  ExpectAllReadable(cluster_, 4);
  cluster_.Kill(1);
  cluster_.Kill(4);
  cluster_.Start(1);
  cluster_.Start(4);
  cluster_.AwaitReady();
  ExpectAllReadable(cluster_, 4);
}

TEST_F(LastOfThreeTest, NewVersionsAreAboveAllThatWereEverGiven) {
  ASSERT_EQ(Recover({Dir(1)}, kConsent).code, 0);
  cluster_.Start(1);
  cluster_.AwaitReady();
  const auto written = cluster_.ClientOf(1).Put(KeyOf(0), "again");
  ASSERT_TRUE(written.ok());
  EXPECT_GT(written->version, Version{1} << 40U);
}

TEST_F(LastOfThreeTest, ALostNodeThatReturnsIsToldAndStops) {
  ASSERT_EQ(Recover({Dir(1)}, kConsent).code, 0);
  ExpectServedByN1();
  cluster_.Start(2);
  cluster_.Start(3);  // Together they are a majority of what was.
  EXPECT_EQ(cluster_.AwaitEnd(2), 0);
  EXPECT_EQ(cluster_.AwaitEnd(3), 0);
  EXPECT_THAT(cluster_.log(2), AllOf(HasSubstr("n2 was removed at epoch"),
                                     HasSubstr("n2 is no member of cluster demo any more")));
  const Finished again = RunToEnd({.command = cluster_.Command(2)});
  EXPECT_EQ(again.code, 78) << again;
  EXPECT_THAT(again.err, HasSubstr("n2 was removed from cluster demo"));
  const Finished late = Recover({Dir(1), Dir(2)});
  EXPECT_EQ(late.code, 75) << late;
  ExpectAllReadable(cluster_, 1);
  EXPECT_EQ(cluster_.Stop(1), 0);
  const Finished useless = Recover({Dir(1), Dir(2)});
  EXPECT_EQ(useless.code, 78) << useless;
  EXPECT_THAT(useless.err, AllOf(HasSubstr(Dir(2).string()), HasSubstr("n2 was removed")));
}

TEST_F(LastOfThreeTest, ASecondLossIsRecoveredToo) {
  ASSERT_EQ(Recover({Dir(1)}, kConsent).code, 0);
  cluster_.Start(1);
  cluster_.Start(4);
  cluster_.AwaitReady();
  cluster_.AwaitPreferredOwners();  // So n4 votes: before that it would be no loss.
  cluster_.Kill(1);
  cluster_.Kill(4);
  ASSERT_EQ(Recover({Dir(1)}, kConsent).code, 0);
  ExpectServedByN1();
}

TEST_F(LastOfThreeTest, WithoutConsentItSaysWhatWouldBeLostAndChangesNothing) {
  const std::string identity = ReadWholeFile(Dir(1) / "IDENTITY");
  const std::string topology = ReadWholeFile(Dir(1) / "TOPOLOGY");
  const Finished asked = Recover({Dir(1)});
  EXPECT_EQ(asked.code, 10) << asked;
  EXPECT_THAT(asked.out, AllOf(HasSubstr("given  n1"), HasSubstr("lost   n2"),
                               HasSubstr("17 may lose their last writes")));
  EXPECT_THAT(asked.err, HasSubstr("add --accept-data-loss"));
  EXPECT_EQ(ReadWholeFile(Dir(1) / "IDENTITY"), identity);
  EXPECT_EQ(ReadWholeFile(Dir(1) / "TOPOLOGY"), topology);
  // The others were not lost after all.
  for (const int node : {1, 2, 3}) cluster_.Start(node);
  cluster_.AwaitReady();
  ExpectAllReadable(cluster_, 3);
}

TEST_F(LastOfThreeTest, WhatIsNoCaseForItIsRefused) {
  const Finished whole = Recover({Dir(1), Dir(2)}, kConsent);
  EXPECT_EQ(whole.code, 64) << whole;
  EXPECT_THAT(whole.err, HasSubstr("nothing is lost"));

  const Finished twice = Recover({Dir(1), Dir(1) / "."}, kConsent);
  EXPECT_EQ(twice.code, 64) << twice;

  const Finished nowhere = Recover({cluster_.folder() / "nowhere"}, kConsent);
  EXPECT_EQ(nowhere.code, 78) << nowhere;
  EXPECT_THAT(nowhere.err, HasSubstr("there is no such directory"));
  EXPECT_FALSE(fs::exists(cluster_.folder() / "nowhere"));

  const Finished wrong = Recover({cluster_.folder()}, kConsent);
  EXPECT_EQ(wrong.code, 78) << wrong;
  EXPECT_THAT(wrong.err, HasSubstr("holds no IDENTITY"));
  EXPECT_FALSE(fs::exists(cluster_.folder() / "LOCK"));

  const Finished copied = [&] {
    fs::copy(Dir(1), cluster_.folder() / "copy", fs::copy_options::recursive);
    return Recover({Dir(1), cluster_.folder() / "copy"}, kConsent);
  }();
  EXPECT_EQ(copied.code, 78) << copied;
  EXPECT_THAT(copied.err, HasSubstr("are both of n1"));

  const Finished none = RunToEnd({.command = {KvdBinary(), "recover", kConsent}});
  EXPECT_EQ(none.code, 64) << none;
  ASSERT_FALSE(HasFailure());
  for (const int node : {1, 2}) cluster_.Start(node);
  cluster_.AwaitReady();
  ExpectAllReadable(cluster_, 1);
}

TEST_F(LastOfThreeTest, DamageIsRefusedAndNamed) {
  std::string topology = ReadWholeFile(Dir(1) / "TOPOLOGY");
  topology[topology.size() / 2] ^= 1;
  WriteWholeFile(Dir(1) / "TOPOLOGY", topology);
  const Finished damaged = Recover({Dir(1)}, kConsent);
  EXPECT_EQ(damaged.code, 65) << damaged;
  EXPECT_THAT(damaged.err, AllOf(HasSubstr(Dir(1).string()), HasSubstr("checksum")));
}

TEST_F(LastOfThreeTest, DirectoriesOfTwoClustersAreRefusedNamingBoth) {
  Cluster other({.nodes = 1, .partitions = kPartitions});
  EXPECT_EQ(other.Stop(1), 0);
  const Finished mixed = Recover({Dir(1), other.data_dir(1)}, kConsent);
  EXPECT_EQ(mixed.code, 78) << mixed;
  EXPECT_THAT(mixed.err, AllOf(HasSubstr(Dir(1).string()), HasSubstr(other.data_dir(1).string()),
                               HasSubstr("of one cluster only")));
}

// The process died between two of its steps; see server/daemon/recover.h.
TEST_F(LastOfThreeTest, ARunThatDiedIsRefusedByKvdAndDoneByTheNextRun) {
  const fs::path kept = cluster_.folder() / "kept";
  fs::copy(Dir(1), kept, fs::copy_options::recursive);
  ASSERT_EQ(Recover({Dir(1)}, kConsent).code, 0);

  // Before the last step.
  fs::copy(kept / "TOPOLOGY", Dir(1) / "TOPOLOGY", fs::copy_options::overwrite_existing);
  const Finished refused = RunToEnd({.command = cluster_.Command(1)});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, HasSubstr("kvd recover was begun here and not finished"));
  EXPECT_EQ(Recover({Dir(1)}).code, 10);
  EXPECT_EQ(Recover({Dir(1)}, kConsent).code, 0);

  // After the first one.
  const std::string identity = ReadWholeFile(Dir(1) / "IDENTITY");
  fs::remove_all(Dir(1));
  fs::copy(kept, Dir(1), fs::copy_options::recursive);
  WriteWholeFile(Dir(1) / "IDENTITY", identity);
  EXPECT_EQ(Recover({Dir(1)}, kConsent).code, 0);
  ExpectServedByN1();
}

// n2 and n5 are left of five: of some partitions both copies, of some one, of some none.
class TwoOfFiveTest : public ::testing::Test {
 protected:
  TwoOfFiveTest() {
    Write(cluster_, 1);
    ring_ = *cluster_.ClientOf(1).GetRing();
    for (int node = 1; node <= 5; ++node) cluster_.Kill(node);
  }

  [[nodiscard]] std::vector<fs::path> Dirs() const {
    return {cluster_.data_dir(2), cluster_.data_dir(5)};
  }

  void StartBoth() {
    cluster_.Start(2);
    cluster_.Start(5);
    cluster_.AwaitReady();
  }

  // Of the copies of the key before the loss.
  [[nodiscard]] int64_t CopiesLeft(const std::string& key) const {
    const auto& partition = ring_.partitions[PartitionOf(key, kPartitions).value];
    return std::ranges::count_if(partition.replicas, [&](uint32_t at) {
      return ring_.nodes[at].name == "n2" || ring_.nodes[at].name == "n5";
    });
  }

  // A key without a copy is gone, one with a majority is there, one with a single copy may be.
  void ExpectWhatIsLeft() const {
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = KeyOf(i);
      const auto got = cluster_.ClientOf(5).Get(key);
      ASSERT_TRUE(got.ok()) << key;
      const int64_t left = CopiesLeft(key);
      EXPECT_TRUE(left != 0 || !got->entry) << key;
      EXPECT_TRUE(left != 2 || got->entry) << key;
      EXPECT_TRUE(!got->entry || got->entry->value == "value" + std::to_string(i)) << key;
    }
  }

  Cluster cluster_{{.nodes = 5, .partitions = kPartitions}};
  client::Ring ring_;
};

TEST_F(TwoOfFiveTest, GoOnWithWhatTheyHave) {
  const std::string before = ReadWholeFile(cluster_.data_dir(2) / "TOPOLOGY");
  const Finished recovered = Recover(Dirs(), kConsent);
  EXPECT_EQ(recovered.code, 0) << recovered;

  // One of the two was all that the process that died had finished.
  WriteWholeFile(cluster_.data_dir(2) / "TOPOLOGY", before);
  const Finished finished = Recover(Dirs());
  EXPECT_EQ(finished.code, 0) << finished;
  EXPECT_THAT(finished.out, HasSubstr("all but finished"));

  StartBoth();
  ExpectWhatIsLeft();
  Write(cluster_, 2);
  cluster_.AwaitPreferredOwners();
  ExpectAllReadable(cluster_, 5);
}

// Whenever it is: what the first run has done is completed by the second one.
TEST_F(TwoOfFiveTest, ARunMayBeKilledAtAnyTime) {
  const fs::path kept = cluster_.folder() / "kept";
  const auto copy = [](const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  };
  for (const fs::path& dir : Dirs()) copy(dir, kept.string() + dir.filename().string());
  for (int ms = 0; ms < 240; ms += 16) {
    for (const fs::path& dir : Dirs()) copy(kept.string() + dir.filename().string(), dir);
    Process killed({.command = RecoverCommand(Dirs(), kConsent)});
    (void)killed.Wait(std::chrono::milliseconds(ms));
    killed.Signal(SIGKILL);
    (void)killed.Wait(kPatience);
    const Finished next = Recover(Dirs(), kConsent);
    const bool was_done = next.err.find("nothing is lost") != std::string::npos;
    ASSERT_EQ(next.code, was_done ? 64 : 0) << ms << " ms: " << next;
  }
  StartBoth();
  ExpectWhatIsLeft();
}

}  // namespace
}  // namespace kvd::testing
