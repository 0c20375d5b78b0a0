// The applying thread on the twins. Its time is a clock that the test winds; results are awaited,
// or looked at when the thread has ended.

#include "server/runtime/applier_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/partition/command.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"

namespace kvd::runtime {
namespace {

using namespace std::chrono_literals;
using partition::ApplyJob;
using partition::Outcome;
using partition::PutMutation;
using storage::KnownValue;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PartitionId kP5{5};

// Time stands still.
class StoppedClock : public Clock {
 public:
  [[nodiscard]] Instant Now() const override { return Instant{}; }
};

ApplyJob PutAt(Index index, const std::string& key, const std::string& value) {
  const partition::Command put{.mutation = PutMutation{.key = key, .value = value}};
  return {kP5, {{.index = index, .term = 1, .payload = partition::EncodeCommand(put)}}};
}

KnownValue Known(Version version, const std::string& value) {
  return {storage::StoredValue{.version = version, .value = value}};
}

using Jobs = ApplierThread::Jobs;

// Jobs of one kind.
template <typename T>
Jobs Of(std::vector<T> Jobs::*kind, std::vector<T> jobs) {
  Jobs all;
  all.*kind = std::move(jobs);
  return all;
}

class ApplierThreadTest : public ::testing::Test {
 protected:
  void Start() { StartOn(machines_); }
  void StartOn(partition::StateMachines& machines) {
    thread_ = std::make_unique<ApplierThread>(
        machines, log_, clock_, ApplierThread::FlushEvery{.interval = 1h},
        ApplierThread::Callbacks{
            .on_done =
                [this](ApplierThread::Done done) {
                  int reads = 0;
                  for (auto& one : done) {
                    if (std::holds_alternative<ApplierThread::ReadResult>(one)) ++reads;
                    done_.push_back(std::move(one));
                  }
                  reads_ += reads;
                },
            .on_flushed =
                [this](auto truncations) {
                  for (const auto& one : truncations) flushed_.push_back(one.through);
                },
            .on_disk = [this](DiskSpace disk) { disks_.push_back(disk.used_bytes); },
            .measure_disk = [] { return DiskSpace{.used_bytes = 4711}; },
            .on_fatal = [this](const Status& status) { fatal_.push_back(Message(status)); }});
  }

  // Ends the thread: everything below may be read.
  void End() { thread_.reset(); }

  void Apply(ApplyJob job) { thread_->Do(Of(&Jobs::applies, {std::move(job)})); }

  // Everything asked for before is done, too, when this returns.
  void AwaitRead(const node::ReadJob& job) {
    const int before = reads_;
    thread_->Do(Of(&Jobs::reads, {job}));
    while (reads_ == before) std::this_thread::yield();
  }

  // What was done, of one kind, in order.
  template <typename T>
  [[nodiscard]] std::vector<const T*> DoneOf() const {
    std::vector<const T*> all;
    for (const auto& one : done_) {
      if (const T* result = std::get_if<T>(&one)) all.push_back(result);
    }
    return all;
  }

  StoppedClock clock_;
  storage::MemoryLog log_;
  storage::MemoryStore store_;
  partition::StateMachines machines_{store_};
  ApplierThread::Done done_;
  std::atomic<int> reads_ = 0;  // Among them.
  std::vector<Index> flushed_;
  std::vector<uint64_t> disks_;
  std::vector<std::string> fatal_;
  std::unique_ptr<ApplierThread> thread_;
};

TEST_F(ApplierThreadTest, EntriesAreAppliedInOrder) {
  Start();
  for (Index i = 1; i <= 100; ++i) Apply(PutAt(i, "k", std::to_string(i)));
  End();
  std::vector<Outcome> outcomes;
  for (const auto* one : DoneOf<partition::Applied>()) {
    EXPECT_EQ(one->partition, kP5);
    EXPECT_EQ(one->keys, 1U);
    outcomes.insert(outcomes.end(), one->outcomes.begin(), one->outcomes.end());
  }
  ASSERT_THAT(outcomes, SizeIs(100));
  for (Index i = 1; i <= 100; ++i) EXPECT_EQ(outcomes[i - 1].index, i);
  EXPECT_EQ(store_.Get(kP5, 1, "k").value()->value, "100");
}

// Whoever looks at this clock finds it a millisecond further.
class TickingClock : public Clock {
 public:
  [[nodiscard]] Instant Now() const override { return Instant{} + ++looks_ * 1ms; }

 private:
  mutable int looks_ = 0;
};

TEST(ApplierThreadTimeTest, EveryBatchThatIsAppliedIsTimed) {
  const TickingClock clock;
  const storage::MemoryLog log;
  storage::MemoryStore store;
  partition::StateMachines machines(store);
  std::vector<Duration> took;
  auto thread = std::make_unique<ApplierThread>(
      machines, log, clock, ApplierThread::FlushEvery{.interval = 1h},
      ApplierThread::Callbacks{.on_done = [](const auto&) {},
                               .on_flushed = [](const auto&) {},
                               .on_disk = [](DiskSpace) {},
                               .measure_disk = [] { return DiskSpace(); },
                               .on_fatal = [](const Status& status) { FAIL() << status; },
                               .on_applied = [&](Duration one) { took.push_back(one); }});
  thread->Do(Of(&Jobs::reads, {node::ReadJob{.ticket = {}, .partition = kP5, .key = "k"}}));
  thread->Do(Of(&Jobs::applies, {PutAt(1, "k", "v"), PutAt(2, "k", "w")}));
  thread.reset();
  EXPECT_THAT(took, ElementsAre(1ms)) << "both are one batch; a read is none";
}

TEST_F(ApplierThreadTest, ReadSeesWhatWasAppliedBeforeIt) {
  Start();
  Apply(PutAt(1, "k", "v"));
  thread_->Do(Of(&Jobs::reads, {{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"},
                                {.ticket = node::Ticket{8}, .partition = kP5, .key = "absent"}}));
  End();
  const auto values = DoneOf<ApplierThread::ReadResult>();
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_EQ(values[0]->ticket, node::Ticket{7});
  EXPECT_EQ(values[0]->value.value(), (storage::StoredValue{1, "v"}));
  EXPECT_EQ(values[1]->value.value(), std::nullopt);
}

TEST_F(ApplierThreadTest, ValueThatNobodyWantsIsLeftOut) {
  Start();
  Apply(PutAt(1, "k", "v"));
  thread_->Do(Of(&Jobs::reads, {{node::Ticket{7}, kP5, "k", /*omit_value=*/true}}));
  End();
  const auto values = DoneOf<ApplierThread::ReadResult>();
  ASSERT_THAT(values, SizeIs(1));
  EXPECT_EQ(values[0]->value.value(), (storage::StoredValue{1, ""}));
}

TEST_F(ApplierThreadTest, WhatIsInMemoryIsReadBesideTheThread) {
  const node::ReadJob job{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"};
  node::ReadJob version_only = job;
  version_only.omit_value = true;
  Start();
  Apply(PutAt(1, "k", "v"));
  EXPECT_EQ(thread_->Peek(job), std::nullopt) << "nobody has read the partition";
  AwaitRead(job);
  EXPECT_EQ(thread_->Peek(job), Known(1, "v"));
  EXPECT_EQ(thread_->Peek(version_only), Known(1, ""));
  EXPECT_EQ(thread_->Peek({.ticket = {}, .partition = kP5, .key = "absent"}), KnownValue{});
  Apply(PutAt(2, "k", "w"));
  AwaitRead(version_only);
  EXPECT_EQ(thread_->Peek(job), Known(2, "w"));
}

TEST_F(ApplierThreadTest, ADroppedPartitionIsNotReadBesideTheThread) {
  const node::ReadJob job{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"};
  Start();
  Apply(PutAt(1, "k", "v"));
  AwaitRead(job);
  ASSERT_NE(thread_->Peek(job), std::nullopt);
  thread_->Do(Of(&Jobs::drops, {kP5}));
  AwaitRead({.ticket = node::Ticket{8}, .partition = PartitionId{6}, .key = "k"});
  EXPECT_EQ(thread_->Peek(job), std::nullopt);
}

TEST_F(ApplierThreadTest, ADropComesBehindAllThatWasAskedOfTheReplica) {
  Start();
  Jobs jobs = Of(&Jobs::applies, {PutAt(1, "k", "v")});
  jobs.reads = {{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"}};
  jobs.drops = {kP5};
  thread_->Do(std::move(jobs));
  End();
  EXPECT_EQ(DoneOf<ApplierThread::ReadResult>()[0]->value.value()->value, "v");
  ASSERT_TRUE(std::holds_alternative<ApplierThread::DropResult>(done_.back()));
  store_.Crash();
  EXPECT_THAT(store_.Partitions().value(), IsEmpty());
}

TEST_F(ApplierThreadTest, EndFlushesWhatWasApplied) {
  Start();
  Apply(PutAt(1, "a", "v"));
  Apply(PutAt(2, "b", "v"));
  End();
  EXPECT_THAT(flushed_, ElementsAre(2));
  store_.Crash();
  EXPECT_EQ(store_.Applied(kP5, storage::Store::Tier::kLatest).value()->index, 2U);
}

TEST_F(ApplierThreadTest, DiskIsMeasuredAtTheStart) {
  Start();
  Apply(PutAt(1, "a", "v"));
  End();
  EXPECT_THAT(disks_, testing::Contains(4711U));
}

TEST_F(ApplierThreadTest, FailedWriteIsFatalOnceAndNothingFollows) {
  store_.FailNextWrite(MakeStatus(StatusCode::kInternal, "disk on fire"));
  Start();
  for (Index i = 1; i <= 10; ++i) Apply(PutAt(i, "k", "v"));
  End();
  EXPECT_THAT(fatal_, ElementsAre("disk on fire"));
  EXPECT_THAT(done_, IsEmpty());
  EXPECT_THAT(flushed_, IsEmpty());
}

TEST_F(ApplierThreadTest, FailedFlushIsFatal) {
  store_.FailNextWrite(MakeStatus(StatusCode::kInternal, "disk on fire"));
  Start();
  End();
  EXPECT_THAT(fatal_, ElementsAre("disk on fire"));
}

TEST_F(ApplierThreadTest, DamagedValueIsAnAnswerNotTheEnd) {
  Start();
  Apply(PutAt(1, "k", "v"));
  End();
  store_.DamageValue(kP5, 1, "k");
  Start();
  thread_->Do(Of(&Jobs::reads, {{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"}}));
  End();
  const auto values = DoneOf<ApplierThread::ReadResult>();
  ASSERT_THAT(values, SizeIs(1));
  EXPECT_EQ(values[0]->value.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(fatal_, IsEmpty());
}

// A disk that takes its time.
class SlowStore : public storage::MemoryStore {
 public:
  [[nodiscard]] Status Flush() override {
    if (!began_.HasBeenNotified()) began_.Notify();
    may_end_.WaitForNotification();
    return OkStatus();
  }
  void AwaitFlush() { began_.WaitForNotification(); }
  void LetFlushesEnd() { may_end_.Notify(); }

 private:
  absl::Notification began_;
  absl::Notification may_end_;
};

TEST(ApplierThreadFlushTest, WorkGoesOnWhileTheDataIsFlushed) {
  SlowStore store;
  partition::StateMachines machines(store);
  storage::MemoryLog log;
  StoppedClock clock;
  std::promise<void> applied;
  ApplierThread thread(machines, log, clock, ApplierThread::FlushEvery{.interval = 0s},
                       {.on_done = [&](const ApplierThread::Done&) { applied.set_value(); },
                        .on_flushed = [](const auto&) {},
                        .on_disk = [](DiskSpace) {},
                        .measure_disk = [] { return DiskSpace{}; },
                        .on_fatal = [](const Status&) {}});
  store.AwaitFlush();
  thread.Do(Of(&Jobs::applies, {PutAt(1, "k", "v")}));
  applied.get_future().wait();
  store.LetFlushesEnd();
}

// The next replica of the partition may begin when it is told: then a crash must not bring the old
// one's data back.
TEST(ApplierThreadFlushTest, ADropIsToldWhenItIsDurable) {
  SlowStore store;
  partition::StateMachines machines(store);
  storage::MemoryLog log;
  StoppedClock clock;
  std::promise<void> applied;
  std::atomic<bool> dropped = false;
  {
    ApplierThread thread(machines, log, clock, ApplierThread::FlushEvery{.interval = 0s},
                         {.on_done =
                              [&](const ApplierThread::Done& done) {
                                const bool is_drop =
                                    std::holds_alternative<ApplierThread::DropResult>(done[0]);
                                is_drop ? dropped.store(true) : applied.set_value();
                              },
                          .on_flushed = [](const auto&) {},
                          .on_disk = [](DiskSpace) {},
                          .measure_disk = [] { return DiskSpace{}; },
                          .on_fatal = [](const Status&) {}});
    store.AwaitFlush();
    thread.Do(Of(&Jobs::drops, {kP5}));
    thread.Do(Of(&Jobs::applies, {PutAt(1, "k", "v")}));
    applied.get_future().wait();  // The drop was worked off with it, or before.
    EXPECT_FALSE(dropped);
    store.LetFlushesEnd();
  }
  EXPECT_TRUE(dropped);
}

// The clock stands still: it is the bytes.
TEST(ApplierThreadFlushTest, SoManyBytesAreFlushedAtOnce) {
  storage::MemoryStore store;
  partition::StateMachines machines(store);
  storage::MemoryLog log;
  StoppedClock clock;
  std::promise<std::vector<partition::StateMachines::Truncation>> flushed;
  bool is_first = true;
  ApplierThread thread(machines, log, clock,
                       ApplierThread::FlushEvery{.interval = 1h, .bytes = 100},
                       {.on_done = [](const ApplierThread::Done&) {},
                        .on_flushed =
                            [&](auto truncations) {
                              // Another one follows when the thread ends.
                              if (std::exchange(is_first, false)) flushed.set_value(truncations);
                            },
                        .on_disk = [](DiskSpace) {},
                        .measure_disk = [] { return DiskSpace{}; },
                        .on_fatal = [](const Status&) {}});
  thread.Do(Of(&Jobs::applies, {PutAt(1, "k", std::string(100, 'v'))}));
  const auto truncations = flushed.get_future().get();
  ASSERT_THAT(truncations, SizeIs(1));
  EXPECT_EQ(truncations[0].partition, kP5);
  EXPECT_EQ(truncations[0].through, 1);
}

// For followers that lag: what is no longer in memory is read from the log.

class FetchTest : public ApplierThreadTest {
 protected:
  FetchTest() {
    storage::GroupWrite write{.group = GroupOf(kP5)};
    for (Index i = 1; i <= 9; ++i) write.entries.push_back({.index = i, .term = 1, .payload = "x"});
    EXPECT_TRUE(log_.Append(std::span(&write, 1)).ok());
  }

  static node::FetchJob Fetch(Index from, Index to) {
    return {kP5, {.follower = ReplicaId{3}, .from = from, .to = to, .max_bytes = 1000}};
  }

  // The indexes of what was fetched.
  [[nodiscard]] std::vector<Index> Fetched() const {
    std::vector<Index> indexes;
    for (const auto* result : DoneOf<ApplierThread::FetchResult>()) {
      EXPECT_EQ(result->partition, kP5);
      EXPECT_EQ(result->follower, ReplicaId{3});
      for (const auto& entry : result->entries) indexes.push_back(entry.index);
    }
    return indexes;
  }
};

TEST_F(FetchTest, EntriesAreReadFromTheLog) {
  Start();
  thread_->Do(Of(&Jobs::fetches, {Fetch(3, 5)}));
  End();
  EXPECT_THAT(Fetched(), ElementsAre(3, 4, 5));
}

TEST_F(FetchTest, EntriesThatAreGoneAreNoneNotTheEnd) {
  ASSERT_TRUE(log_.TruncatePrefix(GroupOf(kP5), 4).ok());
  Start();
  thread_->Do(Of(&Jobs::fetches, {Fetch(3, 5)}));
  End();
  EXPECT_THAT(DoneOf<ApplierThread::FetchResult>(), SizeIs(1));
  EXPECT_THAT(Fetched(), IsEmpty());
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(FetchTest, DamagedEntryIsFatal) {
  log_.DamageEntry(GroupOf(kP5), 4);
  Start();
  thread_->Do(Of(&Jobs::fetches, {Fetch(3, 5)}));
  End();
  ASSERT_THAT(fatal_, SizeIs(1));
  EXPECT_THAT(fatal_[0], testing::StartsWith("read the log: "));
}

// Snapshots, from one store to another.

class SnapshotThreadTest : public ApplierThreadTest {
 protected:
  static constexpr partition::StreamId kStream{9};

  // What a store with k = v sends: it is small, one chunk is all of it.
  partition::Transfers::Chunk Send() {
    Start();
    Apply(PutAt(1, "k", "v"));
    thread_->Do(Of(&Jobs::chunk_reads, {{.stream = kStream, .partition = kP5}}));
    End();
    const auto chunks = DoneOf<ApplierThread::ChunkResult>();
    EXPECT_THAT(chunks, SizeIs(1));
    auto chunk = chunks.at(0)->chunk.value();
    done_.clear();
    return chunk;
  }

  // An empty store takes `bytes` in, and installs `point` once that is reported.
  void Receive(const std::string& bytes, const raft::SnapshotPoint& point) {
    std::promise<void> written;
    ApplierThread receiver(
        other_, log_, clock_, ApplierThread::FlushEvery{.interval = 1h},
        {.on_done =
             [&](ApplierThread::Done done) {
               const bool is_write = std::holds_alternative<ApplierThread::WriteResult>(done[0]);
               for (auto& one : done) done_.push_back(std::move(one));
               if (is_write) written.set_value();
             },
         .on_flushed = [](const auto&) {},
         .on_disk = [](DiskSpace) {},
         .measure_disk = [] { return DiskSpace{}; },
         .on_fatal = [this](const Status& status) { fatal_.push_back(Message(status)); }});
    receiver.Do(Of(&Jobs::chunk_writes, {{kStream, kP5, NodeId{2}, bytes}}));
    written.get_future().wait();
    receiver.Do(Of(&Jobs::installs, {{kP5, point}}));
  }

  storage::MemoryStore other_store_;
  partition::StateMachines other_{other_store_};
};

TEST_F(SnapshotThreadTest, WhatIsSentIsWrittenAndInstalled) {
  const auto chunk = Send();
  ASSERT_TRUE(chunk.complete);
  Receive(chunk.bytes, *chunk.complete);
  EXPECT_TRUE(DoneOf<ApplierThread::WriteResult>().at(0)->ok);
  EXPECT_EQ(DoneOf<ApplierThread::InstallResult>().at(0)->keys.value(), 1U);
  EXPECT_EQ(other_.Read(kP5, "k").value()->value, "v");
}

TEST_F(SnapshotThreadTest, WhatIsInstalledIsReadBesideTheThreadInItsPlace) {
  const node::ReadJob job{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"};
  const auto chunk = Send();
  StartOn(other_);
  AwaitRead(job);
  EXPECT_EQ(thread_->Peek(job), KnownValue{});
  thread_->Do(Of(&Jobs::chunk_writes, {{kStream, kP5, NodeId{2}, chunk.bytes}}));
  AwaitRead(job);
  thread_->Do(Of(&Jobs::installs, {{kP5, *chunk.complete}}));
  AwaitRead(job);
  EXPECT_EQ(thread_->Peek(job), Known(1, "v"));
  End();
}

TEST_F(SnapshotThreadTest, ChunkThatIsNoneIsRefusedNotTheEnd) {
  const auto chunk = Send();
  Receive("nonsense", *chunk.complete);
  EXPECT_FALSE(DoneOf<ApplierThread::WriteResult>().at(0)->ok);
  EXPECT_FALSE(DoneOf<ApplierThread::InstallResult>().at(0)->keys.ok());
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(SnapshotThreadTest, AnotherSnapshotThanWasReceivedIsNotInstalled) {
  const auto chunk = Send();
  raft::SnapshotPoint other = *chunk.complete;
  other.index += 1;
  Receive(chunk.bytes, other);
  EXPECT_FALSE(DoneOf<ApplierThread::InstallResult>().at(0)->keys.ok());
  EXPECT_EQ(other_.Read(kP5, "k").value(), std::nullopt);
  EXPECT_THAT(fatal_, IsEmpty());
}

}  // namespace
}  // namespace kvd::runtime
