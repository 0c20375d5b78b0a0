// The applying thread on the twins. Its time is a clock that the test winds; results are awaited,
// or looked at when the thread has ended.

#include "server/runtime/applier_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "server/partition/mutation.h"
#include "server/storage/memory_store.h"

namespace kvd::runtime {
namespace {

using namespace std::chrono_literals;
using partition::ApplyJob;
using partition::Outcome;
using partition::PutMutation;
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
  return {kP5, {{index, 1, partition::EncodeMutation(PutMutation{key, value})}}};
}

class ApplierThreadTest : public ::testing::Test {
 protected:
  void Start() {
    thread_ = std::make_unique<ApplierThread>(
        machines_, clock_, 1h,
        ApplierThread::Callbacks{
            .on_done =
                [this](auto applied, auto values) {
                  for (auto& one : applied) applied_.push_back(std::move(one));
                  for (auto& one : values) values_.push_back(std::move(one));
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

  StoppedClock clock_;
  storage::MemoryStore store_;
  partition::StateMachines machines_{store_};
  std::vector<partition::Applied> applied_;
  std::vector<ApplierThread::ReadResult> values_;
  std::vector<Index> flushed_;
  std::vector<uint64_t> disks_;
  std::vector<std::string> fatal_;
  std::unique_ptr<ApplierThread> thread_;
};

TEST_F(ApplierThreadTest, EntriesAreAppliedInOrder) {
  Start();
  for (Index i = 1; i <= 100; ++i) thread_->Apply({PutAt(i, "k", std::to_string(i))});
  End();
  std::vector<Outcome> outcomes;
  for (const auto& one : applied_) {
    EXPECT_EQ(one.partition, kP5);
    EXPECT_EQ(one.keys, 1U);
    outcomes.insert(outcomes.end(), one.outcomes.begin(), one.outcomes.end());
  }
  ASSERT_THAT(outcomes, SizeIs(100));
  for (Index i = 1; i <= 100; ++i) EXPECT_EQ(outcomes[i - 1].index, i);
  EXPECT_EQ(store_.Get(kP5, 1, "k").value()->value, "100");
}

TEST_F(ApplierThreadTest, ReadSeesWhatWasAppliedBeforeIt) {
  Start();
  thread_->Apply({PutAt(1, "k", "v")});
  thread_->Read({{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"},
                 {.ticket = node::Ticket{8}, .partition = kP5, .key = "absent"}});
  End();
  ASSERT_THAT(values_, SizeIs(2));
  EXPECT_EQ(values_[0].ticket, node::Ticket{7});
  EXPECT_EQ(values_[0].value.value(), (storage::StoredValue{1, "v"}));
  EXPECT_EQ(values_[1].value.value(), std::nullopt);
}

TEST_F(ApplierThreadTest, ValueThatNobodyWantsIsLeftOut) {
  Start();
  thread_->Apply({PutAt(1, "k", "v")});
  thread_->Read({{.ticket = node::Ticket{7}, .partition = kP5, .key = "k", .omit_value = true}});
  End();
  ASSERT_THAT(values_, SizeIs(1));
  EXPECT_EQ(values_[0].value.value(), (storage::StoredValue{1, ""}));
}

TEST_F(ApplierThreadTest, EndFlushesWhatWasApplied) {
  Start();
  thread_->Apply({PutAt(1, "a", "v")});
  thread_->Apply({PutAt(2, "b", "v")});
  End();
  EXPECT_THAT(flushed_, ElementsAre(2));
  store_.Crash();
  EXPECT_EQ(store_.Applied(kP5, storage::Store::Tier::kLatest).value()->index, 2U);
}

TEST_F(ApplierThreadTest, DiskIsMeasuredAtTheStart) {
  Start();
  thread_->Apply({PutAt(1, "a", "v")});
  End();
  EXPECT_THAT(disks_, testing::Contains(4711U));
}

TEST_F(ApplierThreadTest, FailedWriteIsFatalOnceAndNothingFollows) {
  store_.FailNextWrite(MakeStatus(StatusCode::kInternal, "disk on fire"));
  Start();
  for (Index i = 1; i <= 10; ++i) thread_->Apply({PutAt(i, "k", "v")});
  End();
  EXPECT_THAT(fatal_, ElementsAre("disk on fire"));
  EXPECT_THAT(applied_, IsEmpty());
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
  thread_->Apply({PutAt(1, "k", "v")});
  End();
  store_.DamageValue(kP5, 1, "k");
  Start();
  thread_->Read({{.ticket = node::Ticket{7}, .partition = kP5, .key = "k"}});
  End();
  ASSERT_THAT(values_, SizeIs(1));
  EXPECT_EQ(values_[0].value.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(fatal_, IsEmpty());
}

}  // namespace
}  // namespace kvd::runtime
