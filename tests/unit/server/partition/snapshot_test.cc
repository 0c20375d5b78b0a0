// Two replicas of partition 5, each on a store's twin. The sender has applied a history of writes,
// deletions and requests with ids; the receiver has an older state of its own.

#include "server/partition/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/partition/command.h"
#include "server/partition/state_machines.h"
#include "server/storage/memory_store.h"

namespace kvd::partition {
namespace {

using storage::Entry;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr PartitionId kP5{5};
constexpr uint64_t kSmallChunk = 100;
const std::vector<storage::GroupExtent> kExtents = {{.group = GroupOf(kP5)}};

class Replica {
 public:
  std::vector<Outcome> Apply(const Command& command) {
    return Apply(Entry{machines->applied(kP5).index + 1, 3, EncodeCommand(command)});
  }
  std::vector<Outcome> Apply(Entry entry) {
    const ApplyJob job{kP5, {std::move(entry)}};
    return machines->Apply(std::span(&job, 1)).value().front().outcomes;
  }

  // `count` entries of all kinds, from a fixed pattern.
  void ApplyHistory(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(i % 17);
      const RequestId id{.client = static_cast<uint64_t>(i % 5),
                         .sequence = static_cast<uint64_t>(i)};
      if (i % 11 == 0) {
        Apply(Entry{machines->applied(kP5).index + 1, 3, "configuration " + std::to_string(i),
                    storage::EntryKind::kConfiguration});
      } else if (i % 7 == 0) {
        (void)Apply({.mutation = DeleteMutation{key}});
      } else if (i % 3 == 0) {
        (void)Apply({.id = id, .mutation = IncrementMutation{"counter", i}});
      } else {
        (void)Apply({.id = id, .mutation = PutMutation{key, std::string(i % 40, 'v')}});
      }
    }
  }

  // The process dies and starts again.
  void Crash(size_t surviving_batches = 0) {
    store->Crash(surviving_batches);
    machines = std::make_unique<StateMachines>(*store);
    ASSERT_TRUE(machines->Open(kExtents).ok());
  }

  [[nodiscard]] uint64_t Digest() const { return machines->Digest(kP5).value(); }

  std::unique_ptr<storage::MemoryStore> store = std::make_unique<storage::MemoryStore>();
  std::unique_ptr<StateMachines> machines = std::make_unique<StateMachines>(*store);
};

std::vector<std::string> ChunksOf(SnapshotReader reader, uint64_t max_bytes = kSmallChunk) {
  std::vector<std::string> chunks;
  while (!reader.done()) chunks.push_back(reader.Next(max_bytes).value());
  return chunks;
}

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    sender_.ApplyHistory(60);
    receiver_.ApplyHistory(20);
    EXPECT_TRUE(receiver_.machines->Flush().ok());
  }

  std::vector<std::string> Chunks(uint64_t max_bytes = kSmallChunk) {
    return ChunksOf(sender_.machines->ReadSnapshot(kP5).value(), max_bytes);
  }

  // Receives `chunks` and switches to them.
  void Install(const std::vector<std::string>& chunks) {
    auto writer = receiver_.machines->WriteSnapshot(kP5).value();
    for (const std::string& chunk : chunks) ASSERT_TRUE(writer.Add(chunk).ok());
    const Status switched = receiver_.machines->SwitchTo(kP5, writer.received());
    ASSERT_TRUE(switched.ok()) << switched;
    ASSERT_TRUE(receiver_.machines->FlushData().ok());
  }

  Replica sender_;
  Replica receiver_;
};

TEST_F(SnapshotTest, AnInstalledSnapshotIsTheSendersState) {
  for (const uint64_t max_bytes : {uint64_t{0}, kSmallChunk, uint64_t{1} << 20U}) {
    receiver_ = Replica();
    ASSERT_NE(receiver_.Digest(), sender_.Digest());
    Install(Chunks(max_bytes));
    EXPECT_EQ(receiver_.Digest(), sender_.Digest());
    const storage::AppliedRecord& applied = receiver_.machines->applied(kP5);
    EXPECT_EQ(applied.index, 60U);
    EXPECT_EQ(applied.snapshot_index, 60U);
    EXPECT_EQ(applied.generation, 2U);
    EXPECT_EQ(applied.configuration, "configuration 55");
    EXPECT_EQ(applied.keys, sender_.machines->applied(kP5).keys);
  }
}

TEST_F(SnapshotTest, ChunksAreBoundedAndHoldAtLeastOneRecord) {
  EXPECT_EQ(Chunks(1U << 20U).size(), 1U);
  const auto chunks = Chunks(0);
  EXPECT_EQ(chunks.size(), sender_.machines->applied(kP5).keys + 5);  // And five clients.
  for (const std::string& chunk : Chunks(kSmallChunk)) EXPECT_LT(chunk.size(), 600U);
}

TEST_F(SnapshotTest, AnEmptyPartitionHasASnapshotToo) {
  Replica empty;
  empty.Apply(Entry{1, 3, ""});
  Replica other;
  auto writer = other.machines->WriteSnapshot(kP5).value();
  for (const auto& chunk : ChunksOf(empty.machines->ReadSnapshot(kP5).value())) {
    ASSERT_TRUE(writer.Add(chunk).ok());
  }
  ASSERT_TRUE(other.machines->SwitchTo(kP5, writer.received()).ok());
  EXPECT_EQ(other.Digest(), empty.Digest());
}

TEST_F(SnapshotTest, WritesMeanwhileAreNoPartOfIt) {
  const uint64_t digest = sender_.Digest();
  auto reader = sender_.machines->ReadSnapshot(kP5).value();
  std::vector<std::string> chunks;
  while (!reader.done()) {
    chunks.push_back(reader.Next(kSmallChunk).value());
    sender_.ApplyHistory(3);
    receiver_.ApplyHistory(1);
    if (chunks.size() % 4 == 0) {
      ASSERT_TRUE(sender_.machines->Flush().ok());
    }
  }
  receiver_ = Replica();
  receiver_.ApplyHistory(20);
  Install(chunks);
  EXPECT_EQ(receiver_.Digest(), digest);
}

TEST_F(SnapshotTest, TheReceiverServesItsOldStateUntilTheSwitch) {
  const uint64_t before = receiver_.Digest();
  auto writer = receiver_.machines->WriteSnapshot(kP5).value();
  for (const std::string& chunk : Chunks()) {
    ASSERT_TRUE(writer.Add(chunk).ok());
    EXPECT_EQ(receiver_.Digest(), before);
  }
  (void)receiver_.Apply({.mutation = PutMutation{"key1", "still written"}});
  EXPECT_EQ(receiver_.machines->Read(kP5, "key1").value()->value, "still written");
  ASSERT_TRUE(receiver_.machines->SwitchTo(kP5, writer.received()).ok());
  EXPECT_EQ(receiver_.Digest(), sender_.Digest());
}

TEST_F(SnapshotTest, TheSwitchRemovesTheOldState) {
  Install(Chunks());
  EXPECT_THAT(receiver_.store->Scan(kP5, 1, "", 100).value(), IsEmpty());
  EXPECT_THAT(receiver_.store->ScanSessions(kP5, 1, 0, 100).value(), IsEmpty());
}

// Failover right after an install: what clients retry is known, what follows is the same.
TEST_F(SnapshotTest, AReplicaThatWasInstalledDecidesAsTheSenderDoes) {
  Install(Chunks());
  receiver_.Crash();
  const std::vector<Command> commands = {
      {.id = RequestId{.client = 4, .sequence = 59}, .mutation = PutMutation{"key8", "again"}},
      {.id = RequestId{.client = 2, .sequence = 57}, .mutation = IncrementMutation{"counter", 57}},
      {.id = RequestId{.client = 2, .sequence = 58, .done_below = 58},
       .mutation = IncrementMutation{"counter", 1}},
      {.id = RequestId{.client = 2, .sequence = 57}, .mutation = IncrementMutation{"counter", 57}},
      {.mutation = PutMutation{"key1", "if absent", 0}}};
  size_t duplicates = 0;
  for (const Command& command : commands) {
    const auto outcomes = sender_.Apply(command);
    EXPECT_EQ(receiver_.Apply(command), outcomes);
    duplicates += outcomes.front().duplicate ? 1 : 0;
    EXPECT_EQ(receiver_.Digest(), sender_.Digest());
  }
  EXPECT_EQ(duplicates, 2U);
}

TEST_F(SnapshotTest, TheFloorTravels) {
  const Index forgotten = Sessions::kForgetAfter + 60;
  std::vector<Entry> entries;
  for (Index index = 61; index <= forgotten; ++index) entries.push_back({index, 3, ""});
  const ApplyJob job{kP5, std::move(entries)};
  ASSERT_TRUE(sender_.machines->Apply(std::span(&job, 1)).ok());
  ASSERT_GT(sender_.machines->applied(kP5).floor, 0U);
  Install(Chunks());
  const Command old{.id = RequestId{.client = 4, .sequence = 59, .done_below = {}, .base = 1},
                    .mutation = PutMutation{"key8", "again"}};
  EXPECT_TRUE(std::holds_alternative<BaseTooOld>(receiver_.Apply(old).front().what));
}

// Whatever of the store a crash leaves, at whatever step, the partition is as before or as sent,
// and the next attempt succeeds.
TEST_F(SnapshotTest, ACrashAtEveryStepLeavesOneStateOrTheOther) {
  const auto chunks = Chunks(1000);
  const uint64_t old_digest = receiver_.Digest();
  const uint64_t new_digest = sender_.Digest();
  const size_t switched = chunks.size() + 1;
  const size_t flushed = switched + 1;
  const size_t batches = 1 + chunks.size() + 1;  // The beginning, the chunks, the switch.
  for (size_t steps = 0; steps <= flushed; ++steps) {
    for (size_t surviving = 0; surviving <= batches; ++surviving) {
      SCOPED_TRACE(testing::Message() << steps << " steps, " << surviving << " batches survive");
      receiver_ = Replica();
      receiver_.ApplyHistory(20);
      ASSERT_TRUE(receiver_.machines->Flush().ok());
      auto writer = receiver_.machines->WriteSnapshot(kP5).value();
      for (size_t i = 0; i < std::min(steps, chunks.size()); ++i) {
        ASSERT_TRUE(writer.Add(chunks[i]).ok());
      }
      if (steps >= switched) {
        ASSERT_TRUE(receiver_.machines->SwitchTo(kP5, writer.received()).ok());
      }
      if (steps >= flushed) {
        ASSERT_TRUE(receiver_.machines->FlushData().ok());
      }
      receiver_.Crash(surviving);
      const bool is_new = steps >= flushed || (steps >= switched && surviving == batches);
      EXPECT_EQ(receiver_.Digest(), is_new ? new_digest : old_digest);
      if (is_new) continue;
      Install(chunks);
      EXPECT_EQ(receiver_.Digest(), new_digest);
    }
  }
}

TEST_F(SnapshotTest, WhatAnAbortedAttemptLeftIsNoPartOfTheNext) {
  auto aborted = receiver_.machines->WriteSnapshot(kP5).value();
  Replica other;
  other.ApplyHistory(30);
  (void)other.Apply({.id = RequestId{.client = 77, .sequence = 1},
                     .mutation = PutMutation{"only in the aborted one", "x"}});
  for (const auto& chunk : ChunksOf(other.machines->ReadSnapshot(kP5).value())) {
    ASSERT_TRUE(aborted.Add(chunk).ok());
  }
  Install(Chunks());
  EXPECT_EQ(receiver_.Digest(), sender_.Digest());
}

TEST_F(SnapshotTest, ASnapshotOfWhatIsAppliedAlreadyIsRefused) {
  const auto chunks = Chunks();
  Install(chunks);
  auto writer = receiver_.machines->WriteSnapshot(kP5).value();
  for (const std::string& chunk : chunks) ASSERT_TRUE(writer.Add(chunk).ok());
  const Status status = receiver_.machines->SwitchTo(kP5, writer.received());
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("it is applied up to 60"));
  EXPECT_EQ(receiver_.Digest(), sender_.Digest());
}

TEST_F(SnapshotTest, TheLogIsNotTruncatedForASwitchBeforeItIsReset) {
  Install(Chunks());
  EXPECT_THAT(receiver_.machines->Flush().value(), IsEmpty());
  (void)receiver_.Apply({.mutation = PutMutation{"a", "1"}});
  const auto truncations = receiver_.machines->Flush().value();
  ASSERT_EQ(truncations.size(), 1U);
  EXPECT_EQ(truncations[0].through, 61U);
}

TEST_F(SnapshotTest, RepeatedChunksAreIgnored) {
  std::vector<std::string> twice;
  for (const std::string& chunk : Chunks()) twice.insert(twice.end(), {chunk, chunk});
  Install(twice);
  EXPECT_EQ(receiver_.Digest(), sender_.Digest());
}

// Adds chunks until one is refused.
Status AddAll(SnapshotWriter writer, const std::vector<std::string>& chunks) {
  for (const std::string& chunk : chunks) KVD_RETURN_IF_ERROR(writer.Add(chunk));
  return OkStatus();
}

TEST_F(SnapshotTest, AMissingChunkIsNoticed) {
  const auto all = Chunks();
  for (size_t missing = 0; missing + 1 < all.size(); ++missing) {
    auto chunks = all;
    chunks.erase(chunks.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(AddAll(receiver_.machines->WriteSnapshot(kP5).value(), chunks).code(),
              StatusCode::kInvalidArgument);
  }
}

TEST_F(SnapshotTest, AChunkOfAnotherSnapshotIsRefused) {
  auto chunks = Chunks();
  (void)sender_.Apply({.mutation = PutMutation{"later", "1"}});
  chunks[1] = Chunks()[1];
  const Status status = AddAll(receiver_.machines->WriteSnapshot(kP5).value(), chunks);
  EXPECT_EQ(Message(status),
            "chunk 1 of the snapshot of partition 5 at index 61: the snapshot at index 60 is being "
            "received; begin the snapshot again");
  EXPECT_THAT(Message(AddAll(receiver_.machines->WriteSnapshot(PartitionId{6}).value(), chunks)),
              HasSubstr("partition 6 is being received"));
}

TEST_F(SnapshotTest, WhatDoesNotFitIsRefused) {
  const auto whole = DecodeChunk(Chunks(1U << 20U).front()).value();
  const std::vector<std::function<void(SnapshotChunk&)>> changes = {
      [](SnapshotChunk& c) { c.values.pop_back(); },
      [](SnapshotChunk& c) { c.sessions.clear(); },
      [](SnapshotChunk& c) { c.end->keys += 1; },
      [](SnapshotChunk& c) { c.values[0].value.value += "x"; },
      [](SnapshotChunk& c) { std::swap(c.values[0], c.values[1]); },
      [](SnapshotChunk& c) { c.values[1].key = c.values[0].key; },
      [](SnapshotChunk& c) { std::swap(c.sessions[0], c.sessions[1]); },
      [](SnapshotChunk& c) { c.values[0].value.version = c.index + 1; },
      [](SnapshotChunk& c) { c.index = 0; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    SnapshotChunk chunk = whole;
    changes[i](chunk);
    EXPECT_EQ(AddAll(receiver_.machines->WriteSnapshot(kP5).value(), {EncodeChunk(chunk)}).code(),
              StatusCode::kInvalidArgument)
        << i;
  }
}

TEST_F(SnapshotTest, SessionsThatMakeNoSenseAreNotSwitchedTo) {
  SnapshotChunk chunk = DecodeChunk(Chunks(1U << 20U).front()).value();
  chunk.sessions[0].state = "junk";
  auto writer = receiver_.machines->WriteSnapshot(kP5).value();
  ASSERT_TRUE(writer.Add(EncodeChunk(chunk)).ok());
  const uint64_t before = receiver_.Digest();
  EXPECT_EQ(receiver_.machines->SwitchTo(kP5, writer.received()).code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(receiver_.Digest(), before);
}

TEST_F(SnapshotTest, DamagedDataIsNotSent) {
  sender_.store->DamageValue(kP5, 1, "counter");
  auto reader = sender_.machines->ReadSnapshot(kP5).value();
  Status status;
  while (status.ok() && !reader.done()) status = reader.Next(kSmallChunk).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
}

TEST_F(SnapshotTest, ADigestTellsEveryDifference) {
  const auto digest_after = [](const std::function<void(Replica&)>& change) {
    Replica replica;
    replica.ApplyHistory(10);
    change(replica);
    return replica.Digest();
  };
  const Index next = 11;
  const std::vector<uint64_t> digests = {
      digest_after([](Replica&) {}),
      digest_after([&](Replica& r) {
        r.Apply(Entry{next, 3, ""});
      }),
      digest_after([&](Replica& r) {
        r.Apply(Entry{next, 4, ""});
      }),
      digest_after([&](Replica& r) {
        r.Apply(Entry{next, 3, "c", storage::EntryKind::kConfiguration});
      }),
      digest_after([](Replica& r) {
        r.Apply({.mutation = PutMutation{"a", "1"}});
      }),
      digest_after([](Replica& r) {
        r.Apply({.mutation = PutMutation{"a", "2"}});
      }),
      digest_after([](Replica& r) {
        r.Apply({.mutation = PutMutation{"b", "1"}});
      }),
      digest_after([](Replica& r) {
        r.Apply({.id = RequestId{.client = 1, .sequence = 99}, .mutation = PutMutation{"b", "1"}});
      })};
  for (size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ(std::ranges::count(digests, digests[i]), 1) << i;
  }
}

TEST(SnapshotChunkTest, DecodingGivesBackWhatWasEncoded) {
  const SnapshotChunk chunk{
      .partition = kP5,
      .index = 9,
      .term = 2,
      .sequence = 7,
      .sessions = {{1, "state"}, {2, ""}},
      .values = {{"", {1, ""}}, {std::string("\0k", 2), {9, "v"}}},
      .end = SnapshotChunk::End{
          .keys = 1, .value_bytes = 2, .sessions = 3, .floor = 4, .configuration = "c"}};
  EXPECT_EQ(DecodeChunk(EncodeChunk(chunk)).value(), chunk);
  EXPECT_EQ(DecodeChunk(EncodeChunk({.partition = kP5})).value(), SnapshotChunk{.partition = kP5});
}

TEST(SnapshotChunkTest, EveryFlippedBitAndEveryCutIsDamage) {
  const std::string bytes =
      EncodeChunk({.partition = kP5, .sessions = {{1, "s"}}, .values = {{"k", {1, "v"}}}});
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeChunk(flipped).status().code(), StatusCode::kDataLoss) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeChunk(bytes.substr(0, size)).status().code(), StatusCode::kDataLoss) << size;
  }
}

}  // namespace
}  // namespace kvd::partition
