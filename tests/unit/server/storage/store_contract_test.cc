// What every Store promises, on the twin in memory, on RocksDB, and in front of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "server/storage/store.h"
#include "tests/unit/server/storage/worlds.h"

namespace kvd::storage {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Tier = Store::Tier;

constexpr PartitionId kPartition{3};
constexpr PartitionId kNext{4};

template <typename World>
class StoreContractTest : public ::testing::Test {
 public:  // Chained calls leave the reach of "protected".
  Store& store() { return world_.store(); }

  StoreContractTest& Put(const std::string& key, Version version, const std::string& value,
                         Generation generation = 1, PartitionId partition = kPartition) {
    batch_.Add(StoreBatch::Put{.partition = partition,
                               .generation = generation,
                               .key = key,
                               .value = {.version = version, .value = value}});
    return *this;
  }
  StoreContractTest& Delete(const std::string& key) {
    batch_.Add(StoreBatch::Delete{.partition = kPartition, .generation = 1, .key = key});
    return *this;
  }
  StoreContractTest& Drop(Generation generation) {
    batch_.Add(StoreBatch::DropGeneration{.partition = kPartition, .generation = generation});
    return *this;
  }
  StoreContractTest& SetApplied(Index index, PartitionId partition = kPartition) {
    batch_.Add(StoreBatch::SetApplied{.partition = partition, .record = Record(index)});
    return *this;
  }
  StoreContractTest& PutSession(uint64_t client, const std::string& state,
                                Generation generation = 1, PartitionId partition = kPartition) {
    batch_.Add(StoreBatch::PutSession{.partition = partition,
                                      .generation = generation,
                                      .session = {.client = client, .state = state}});
    return *this;
  }
  StoreContractTest& DeleteSession(uint64_t client) {
    batch_.Add(
        StoreBatch::DeleteSession{.partition = kPartition, .generation = 1, .client = client});
    return *this;
  }

  // Writes what was added since the last Write().
  void Write() {
    const Status written = store().Write(batch_);
    ASSERT_TRUE(written.ok()) << written;
    batch_ = {};
  }
  void Flush() {
    const Status flushed = store().Flush();
    ASSERT_TRUE(flushed.ok()) << flushed;
  }

  std::optional<std::string> Get(const std::string& key, Generation generation = 1,
                                 PartitionId partition = kPartition) {
    const auto value = store().Get(partition, generation, key).value();
    if (!value) return std::nullopt;
    return value->value;
  }

  std::vector<std::string> Scan(const std::string& from, size_t max_keys = 100) {
    std::vector<std::string> keys;
    const auto found = store().Scan(kPartition, 1, from, max_keys);
    for (const StoredKey& key : found.value()) keys.push_back(key.key);
    return keys;
  }

  std::vector<uint64_t> Clients(uint64_t from, size_t max_sessions = 100,
                                Generation generation = 1) {
    std::vector<uint64_t> clients;
    const auto found = store().ScanSessions(kPartition, generation, from, max_sessions);
    for (const StoredSession& session : found.value()) clients.push_back(session.client);
    return clients;
  }

  std::optional<AppliedRecord> Applied(Tier tier) {
    return store().Applied(kPartition, tier).value();
  }

  static AppliedRecord Record(Index index) {
    return {.index = index,
            .term = 2,
            .generation = 1,
            .keys = index,
            .value_bytes = 10 * index,
            .configuration = "of\0" + std::to_string(index),
            .floor = index / 2,
            .snapshot_index = index / 3};
  }

  World world_;
  StoreBatch batch_;
};

using Worlds = ::testing::Types<MemoryStoreWorld, RocksStoreWorld, WriteBackWorld<300>,
                                WriteBackWorld<(1U << 20U)>>;
TYPED_TEST_SUITE(StoreContractTest, Worlds);

TYPED_TEST(StoreContractTest, ANewStoreIsEmpty) {
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_THAT(this->Scan(""), IsEmpty());
  EXPECT_EQ(this->Applied(Tier::kLatest), std::nullopt);
  EXPECT_EQ(this->Applied(Tier::kFlushed), std::nullopt);
}

TYPED_TEST(StoreContractTest, WhatWasWrittenIsReadAtOnce) {
  this->Put("a", 7, "one").Put("b", 8, "").Write();
  EXPECT_EQ(this->store().Get(kPartition, 1, "a").value(),
            (StoredValue{.version = 7, .value = "one"}));
  EXPECT_EQ(this->store().Get(kPartition, 1, "b").value(),
            (StoredValue{.version = 8, .value = ""}));
}

TYPED_TEST(StoreContractTest, WhatIsSeenInMemoryIsWhatIsRead) {
  const auto check = [this] {
    int seen = 0;
    for (const std::string key : {"a", "b", "c", "d"}) {
      const auto peeked = this->store().Peek(kPartition, 1, key);
      if (!peeked) continue;
      EXPECT_EQ(peeked->value, this->store().Get(kPartition, 1, key).value()) << key;
      ++seen;
    }
    return seen;
  };
  this->Put("a", 1, "x").Put("b", 2, "y").Put("c", 3, "z").Write();
  EXPECT_EQ(check(), 4) << "nothing is on the disk";
  this->Flush();
  (void)check();
  this->Put("a", 4, "later").Delete("b").Write();
  EXPECT_GE(check(), 2);
  EXPECT_EQ(this->store().Peek(kPartition, 2, "a"), KnownValue{}) << "of another generation";
}

TYPED_TEST(StoreContractTest, AHeadSaysWhatTheValueWouldHaveSaid) {
  const auto head = [this](Generation generation, const std::string& key) {
    return this->store().Head(kPartition, generation, key).value();
  };
  this->Put("a", 7, "one").Put("b", 8, "").Put("c", 9, "gone").Write();
  this->Delete("c").Write();
  for (const std::string_view where : {"as written", "flushed"}) {
    EXPECT_EQ(head(1, "a"), (StoredHead{.version = 7, .bytes = 3})) << where;
    EXPECT_EQ(head(1, "b"), (StoredHead{.version = 8, .bytes = 0})) << where;
    EXPECT_EQ(head(1, "c"), std::nullopt) << where;
    EXPECT_EQ(head(1, "d"), std::nullopt) << where;
    EXPECT_EQ(head(2, "a"), std::nullopt) << where;
    this->Flush();
  }
}

TYPED_TEST(StoreContractTest, LaterChangesOfABatchWin) {
  this->Put("a", 1, "old").Delete("a").Put("b", 1, "old").Put("b", 2, "new").Write();
  this->Put("c", 3, "old").Drop(1).Put("c", 4, "new").Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("b"), std::nullopt);
  EXPECT_EQ(this->Get("c"), "new");
}

TYPED_TEST(StoreContractTest, DeletingAnAbsentKeyIsANoOp) {
  this->Delete("a").Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
}

TYPED_TEST(StoreContractTest, PartitionsAndGenerationsDoNotSeeEachOther) {
  this->Put("a", 1, "here").Put("a", 2, "later", 2).Put("a", 3, "there", 1, kNext).Write();
  this->Drop(1).Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("a", 2), "later");
  EXPECT_EQ(this->Get("a", 1, kNext), "there");
}

TYPED_TEST(StoreContractTest, DroppingAGenerationKeepsTheAppliedRecord) {
  this->Put("a", 1, "x").SetApplied(5).Write();
  this->Drop(1).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(5));
}

TYPED_TEST(StoreContractTest, ScanGoesInByteOrderFromItsStart) {
  this->Put("b", 1, "").Put("\xff", 1, "").Put("", 1, "").Put("a\0b"s, 1, "").Put("a", 1, "");
  this->Put("other", 1, "", 2).Put("other", 1, "", 1, kNext).SetApplied(1).Write();
  EXPECT_THAT(this->Scan(""), ElementsAre("", "a", "a\0b"s, "b", "\xff"));
  EXPECT_THAT(this->Scan("a\0"s), ElementsAre("a\0b"s, "b", "\xff"));
  EXPECT_THAT(this->Scan("b", 1), ElementsAre("b"));
  EXPECT_THAT(this->Scan("", 0), IsEmpty());
}

TYPED_TEST(StoreContractTest, KeysAndValuesAreAnyBytes) {
  std::string all(256, '\0');
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  this->Put(all, 1, all).Put(std::string(4096, '\xff'), 2, std::string(4 << 20, 'v')).Write();
  this->Flush();
  this->world_.Crash();
  EXPECT_EQ(this->Get(all), all);
  EXPECT_EQ(this->Get(std::string(4096, '\xff')), std::string(4 << 20, 'v'));
}

TYPED_TEST(StoreContractTest, ACrashLeavesTheLastFlush) {
  this->Put("a", 1, "flushed").SetApplied(1).Write();
  this->Flush();
  this->Put("a", 2, "lost").Put("b", 2, "lost").SetApplied(2).Write();
  this->world_.Crash();
  EXPECT_EQ(this->Get("a"), "flushed");
  EXPECT_EQ(this->Get("b"), std::nullopt);
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
}

TYPED_TEST(StoreContractTest, TheFlushedTierIsWhatACrashWouldLeave) {
  this->SetApplied(1).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
  EXPECT_EQ(this->Applied(Tier::kFlushed), std::nullopt);
  this->Flush();
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
  this->SetApplied(2).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(2));
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
  this->world_.Crash();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
}

TYPED_TEST(StoreContractTest, ACleanStopKeepsEverything) {
  this->Put("a", 1, "kept").SetApplied(1).Write();
  this->world_.StopCleanly();
  EXPECT_EQ(this->Get("a"), "kept");
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
}

TYPED_TEST(StoreContractTest, SessionsAreScannedByClientAndAreNoKeys) {
  constexpr uint64_t kMax = ~uint64_t{0};
  this->PutSession(kMax, "last").PutSession(256, "b").PutSession(0, "").PutSession(255, "a\0"s);
  this->PutSession(7, "later", 2).PutSession(7, "there", 1, kNext);
  this->Put("a", 1, "").SetApplied(1).Write();
  EXPECT_THAT(this->Clients(0), ElementsAre(0, 255, 256, kMax));
  EXPECT_THAT(this->Clients(1, 2), ElementsAre(255, 256));
  EXPECT_THAT(this->Clients(kMax), ElementsAre(kMax));
  EXPECT_THAT(this->Clients(0, 0), IsEmpty());
  EXPECT_THAT(this->Clients(0, 9, 2), ElementsAre(7));
  EXPECT_THAT(this->Scan(""), ElementsAre("a"));
  EXPECT_EQ(this->store().ScanSessions(kPartition, 1, 255, 1).value().front(),
            (StoredSession{.client = 255, .state = "a\0"s}));
}

TYPED_TEST(StoreContractTest, SessionsAreReplacedDeletedAndDroppedWithTheirGeneration) {
  this->PutSession(1, "old").PutSession(1, "new").PutSession(2, "").PutSession(3, "", 2).Write();
  EXPECT_EQ(this->store().ScanSessions(kPartition, 1, 1, 1).value().front().state, "new");
  this->DeleteSession(2).DeleteSession(9).Write();
  EXPECT_THAT(this->Clients(0), ElementsAre(1));
  this->Flush();
  this->Drop(1).Write();
  EXPECT_THAT(this->Clients(0), IsEmpty());
  EXPECT_THAT(this->Clients(0, 9, 2), ElementsAre(3));
}

TYPED_TEST(StoreContractTest, ACrashTakesSessionsAndValuesTogether) {
  this->Put("a", 1, "x").PutSession(1, "").Write();
  this->Flush();
  this->Put("b", 2, "x").PutSession(2, "").DeleteSession(1).Write();
  this->world_.Crash();
  EXPECT_THAT(this->Scan(""), ElementsAre("a"));
  EXPECT_THAT(this->Clients(0), ElementsAre(1));
}

TYPED_TEST(StoreContractTest, PartitionsAreThoseWithAnAppliedRecord) {
  EXPECT_THAT(this->store().Partitions().value(), IsEmpty());
  this->SetApplied(1, PartitionId{9}).SetApplied(2).Put("a", 1, "x", 2, kNext);
  this->Put("a", 1, "x").SetApplied(1, PartitionId{0}).Write();
  EXPECT_THAT(this->store().Partitions().value(),
              ElementsAre(PartitionId{0}, kPartition, PartitionId{9}));
}

TYPED_TEST(StoreContractTest, TheHighestPartitionIsOneLikeOthers) {
  constexpr PartitionId kHighest{std::numeric_limits<uint32_t>::max()};
  this->Put("a", 1, "x").Put("a", 2, "y", 1, kHighest).PutSession(1, "s").SetApplied(1).Write();
  this->SetApplied(2, kHighest).Write();
  this->Flush();
  EXPECT_THAT(this->store().Partitions().value(), ElementsAre(kPartition, kHighest));
  EXPECT_THAT(this->store().OpenView(kHighest).value()->Scan("", 9).value(),
              ElementsAre(StoredKey{"a", {2, "y"}}));
  this->batch_.Add(StoreBatch::DropPartition{kHighest});
  this->Write();
  EXPECT_THAT(this->store().Partitions().value(), ElementsAre(kPartition));
  EXPECT_EQ(this->Get("a"), "x");
  EXPECT_EQ(this->Get("a", 1, kHighest), std::nullopt);
}

TYPED_TEST(StoreContractTest, AViewStaysAtItsMoment) {
  this->Put("a", 1, "old").Put("b", 2, "old").PutSession(1, "old").SetApplied(2).Write();
  const auto view = this->store().OpenView(kPartition).value();
  this->Put("a", 3, "new").Delete("b").Put("c", 4, "new").PutSession(1, "new").PutSession(2, "");
  this->SetApplied(4).Write();
  this->Flush();
  this->Drop(1).Write();
  this->Flush();
  EXPECT_EQ(view->applied(), this->Record(2));
  EXPECT_THAT(view->Scan("", 9).value(),
              ElementsAre(StoredKey{"a", {1, "old"}}, StoredKey{"b", {2, "old"}}));
  EXPECT_THAT(view->Scan("a\0"s, 9).value(), ElementsAre(StoredKey{"b", {2, "old"}}));
  EXPECT_THAT(view->ScanSessions(0, 9).value(), ElementsAre(StoredSession{1, "old"}));
}

TYPED_TEST(StoreContractTest, AViewIsOfTheGenerationOfItsRecord) {
  this->Put("a", 1, "old").Put("a", 2, "filling", 2).PutSession(5, "", 2).SetApplied(2).Write();
  const auto view = this->store().OpenView(kPartition).value();
  EXPECT_THAT(view->Scan("", 9).value(), ElementsAre(StoredKey{"a", {1, "old"}}));
  EXPECT_THAT(view->ScanSessions(0, 9).value(), IsEmpty());
  const auto never = this->store().OpenView(kNext).value();
  EXPECT_EQ(never->applied(), AppliedRecord{});
  EXPECT_THAT(never->Scan("", 9).value(), IsEmpty());
}

TYPED_TEST(StoreContractTest, ADroppedPartitionWasNeverApplied) {
  this->Put("a", 1, "x").Put("a", 2, "y", 2).PutSession(7, "s").Write();
  this->batch_.Add(StoreBatch::SetApplied{kPartition, this->Record(4)});
  this->batch_.Add(StoreBatch::Put{kNext, 1, "a", {1, "kept"}});
  this->batch_.Add(StoreBatch::SetApplied{kNext, this->Record(4)});
  this->Write();
  this->Flush();
  this->batch_.Add(StoreBatch::DropPartition{kPartition});
  this->Write();
  for (int crash = 0; crash < 2; ++crash) {
    EXPECT_EQ(this->Get("a"), std::nullopt);
    EXPECT_EQ(this->Get("a", 2), std::nullopt);
    EXPECT_THAT(this->Clients(0), IsEmpty());
    EXPECT_EQ(this->Applied(Tier::kLatest), std::nullopt);
    EXPECT_EQ(this->Get("a", 1, kNext), "kept");
    EXPECT_THAT(this->store().Partitions().value(), ElementsAre(kNext));
    this->Flush();
    this->world_.Crash();
  }
  EXPECT_EQ(this->Applied(Tier::kFlushed), std::nullopt);
}

TYPED_TEST(StoreContractTest, ADroppedGenerationStaysDroppedAfterACrash) {
  this->Put("a", 1, "x").Put("a", 2, "y", 2).Write();
  this->Flush();
  this->Drop(1).Write();
  this->Flush();
  this->world_.Crash();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("a", 2), "y");
}

}  // namespace
}  // namespace kvd::storage
