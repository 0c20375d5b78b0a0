// The writer's thread on a log that counts its batches and can be stopped in the middle of one.

#include "server/runtime/log_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "server/storage/memory_log.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::runtime {
namespace {

using storage::GroupWrite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr PartitionId kP0{0};
constexpr PartitionId kP5{5};

// A log whose first batch ends only when it is let through.
class GatedLog : public storage::MemoryLog {
 public:
  Status Append(std::span<const GroupWrite> writes) override {
    if (batches_++ == 0) {
      started_.set_value();
      gate_.get_future().wait();
    }
    return MemoryLog::Append(writes);
  }

  void AwaitFirstBatch() { started_.get_future().wait(); }
  void LetThrough() { gate_.set_value(); }
  [[nodiscard]] int batches() const { return batches_; }  // After the writer has ended.

 private:
  std::promise<void> started_;
  std::promise<void> gate_;
  int batches_ = 0;
};

// The write of this number, of one entry.
std::vector<raft::Write> EntryOf(PartitionId partition, Index index, uint64_t number) {
  return {{.number = number,
           .write = {.group = GroupOf(partition),
                     .entries = {{.index = index, .term = 1, .payload = "x"}}}}};
}

std::vector<raft::Write> EntryOf(PartitionId partition, Index index) {
  return EntryOf(partition, index, index);
}

// What the writer reported. Read after it has ended.
struct Reported {
  std::vector<LogWriter::Durable> durable;
  int bound = 0;
  int stored = 0;
  int boots_stored = 0;
  std::vector<std::string> fatal;
};

class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() {
    storage::Identity identity;
    identity.node_uuid.bytes.fill(1);
    identity.node_name = "n1";
    identity.cluster_name = "demo";
    EXPECT_TRUE(data_dir_->SetIdentity(identity).ok());
  }

  std::unique_ptr<LogWriter> Start(storage::Log& log) {
    return std::make_unique<LogWriter>(
        log, *data_dir_,
        LogWriter::Callbacks{
            .on_durable = [this](auto durable) { reported_.durable.push_back(durable); },
            .on_bound = [this] { ++reported_.bound; },
            .on_topology_stored = [this] { ++reported_.stored; },
            .on_boots_stored = [this] { ++reported_.boots_stored; },
            .on_fatal = [this](const Status& s) { reported_.fatal.push_back(Message(s)); }});
  }

  storage::TempDir temp_;
  std::unique_ptr<storage::DataDir> data_dir_ = storage::DataDir::Open(temp_ / "n1").value();
  storage::MemoryLog log_;
  Reported reported_;
};

TEST_F(LogWriterTest, WhatIsReportedIsInTheLog) {
  Start(log_)->Append(EntryOf(kP5, 1, /*number=*/7));
  EXPECT_THAT(reported_.durable, ElementsAre(ElementsAre(Pair(GroupOf(kP5), 7))));
  EXPECT_EQ(log_.Groups().value()[0].last, 1U);
}

TEST_F(LogWriterTest, WritesThatComeDuringABatchAreTheNextBatch) {
  GatedLog log;
  auto writer = Start(log);
  writer->Append(EntryOf(kP5, 1));
  log.AwaitFirstBatch();
  for (Index i = 2; i <= 100; ++i) writer->Append(EntryOf(kP5, i));
  writer->Append(EntryOf(kP0, 1));
  log.LetThrough();
  writer.reset();
  EXPECT_EQ(log.batches(), 2);
  ASSERT_THAT(reported_.durable, SizeIs(2));
  EXPECT_THAT(reported_.durable[1], ElementsAre(Pair(GroupOf(kP0), 1), Pair(GroupOf(kP5), 100)));
  EXPECT_EQ(log.Groups().value()[1].last, 100U);
}

// What consensus overwrites before it was written need not be written at all.
TEST_F(LogWriterTest, WritesOfOneGroupBecomeOne) {
  GatedLog log;
  auto writer = Start(log);
  writer->Append(EntryOf(kP0, 1));
  log.AwaitFirstBatch();
  std::vector<raft::Write> writes = EntryOf(kP5, 1, 1);
  writes[0].write.hard_state = storage::HardState{.term = 1, .voted_for = ReplicaId{3}};
  writer->Append(writes);
  writes = EntryOf(kP5, 1, 2);
  writes[0].write.entries[0].term = 2;
  writes[0].write.hard_state = storage::HardState{.term = 2, .voted_for = {}};
  writer->Append(writes);
  log.LetThrough();
  writer.reset();
  EXPECT_EQ(log.batches(), 2);
  EXPECT_THAT(reported_.durable[1], ElementsAre(Pair(GroupOf(kP5), 2)));
  const auto extent = log.Groups().value()[1];
  EXPECT_EQ(extent.hard_state, (storage::HardState{.term = 2, .voted_for = {}}));
  EXPECT_EQ(extent.last, 1U);
  EXPECT_EQ(extent.last_term, 2U);
}

TEST_F(LogWriterTest, WhatIsQueuedIsWrittenBeforeTheEnd) {
  GatedLog log;
  auto writer = Start(log);
  writer->Append(EntryOf(kP5, 1));
  log.AwaitFirstBatch();
  writer->Append(EntryOf(kP5, 2));
  std::thread end([&] { writer.reset(); });
  log.LetThrough();
  end.join();
  EXPECT_EQ(log.Groups().value()[0].last, 2U);
}

TEST_F(LogWriterTest, FailedWriteIsFatalOnceAndNothingFollows) {
  log_.FailNextAppend(MakeStatus(StatusCode::kInternal, "disk on fire"));
  {
    auto writer = Start(log_);
    for (Index i = 1; i <= 10; ++i) writer->Append(EntryOf(kP5, i));
  }
  EXPECT_THAT(reported_.fatal, ElementsAre("write the log: disk on fire"));
  EXPECT_THAT(reported_.durable, IsEmpty());
}

TEST_F(LogWriterTest, BindingIsOnDiskWhenReported) {
  const topology::Binding binding = {{.bytes = {1, 2}}, {.bytes = {3, 4}}};
  Start(log_)->Bind(binding);
  EXPECT_EQ(reported_.bound, 1);
  data_dir_.reset();
  const auto reopened = storage::DataDir::Open(temp_ / "n1").value();
  EXPECT_EQ(reopened->identity()->cluster_id, binding.cluster_id);
  EXPECT_EQ(reopened->identity()->founder_uuid, binding.founder);
  EXPECT_EQ(reopened->identity()->node_name, "n1") << "the rest is as it was";
}

TEST_F(LogWriterTest, TopologyIsOnDiskWhenReported) {
  topology::NodeCard card;
  card.name = "n1";
  card.uuid.bytes.fill(1);
  const topology::Topology topology = topology::FoundTopology(
      card.uuid, {.name = "demo", .partitions = 16, .replication = 1, .node_names = {"n1"}},
      {card});
  Start(log_)->StoreTopology(topology);
  EXPECT_EQ(reported_.stored, 1);
  EXPECT_EQ(data_dir_->Read(storage::KeptRecord::kTopology).value(),
            topology::EncodeTopology(topology));
  EXPECT_THAT(log_.Groups().value(), IsEmpty());
}

TEST_F(LogWriterTest, BootsAreOnDiskWhenReported) {
  Start(log_)->StoreBoots("under which others were heard");
  EXPECT_EQ(reported_.boots_stored, 1);
  EXPECT_EQ(data_dir_->Read(storage::KeptRecord::kBoots).value(), "under which others were heard");
}

TEST_F(LogWriterTest, TruncationForgetsThePrefix) {
  {
    auto writer = Start(log_);
    for (Index i = 1; i <= 3; ++i) writer->Append(EntryOf(kP5, i));
  }
  Start(log_)->Truncate({{GroupOf(kP5), 2}});
  EXPECT_EQ(log_.Groups().value()[0].first, 3U);
  EXPECT_THAT(reported_.fatal, IsEmpty());
}

TEST_F(LogWriterTest, OfARemovedReplicaNothingIsLeftToForget) {
  GatedLog log;
  auto writer = Start(log);
  writer->Append(EntryOf(kP5, 1));
  log.AwaitFirstBatch();
  writer->Truncate({{GroupOf(kP5), 1}});
  writer->Append({{.number = 9, .write = {.group = GroupOf(kP5), .remove = ReplicaId{3}}}});
  log.LetThrough();
  writer.reset();
  EXPECT_THAT(reported_.fatal, IsEmpty());
  EXPECT_EQ(log.Groups().value().front().removed, ReplicaId{3});
}

TEST_F(LogWriterTest, FailedTruncationIsFatal) {
  { Start(log_)->Append(EntryOf(kP5, 1)); }
  log_.FailNextAppend(MakeStatus(StatusCode::kInternal, "disk on fire"));
  { Start(log_)->Truncate({{GroupOf(kP5), 1}}); }
  ASSERT_THAT(reported_.fatal, SizeIs(1));
  EXPECT_THAT(reported_.fatal[0], HasSubstr("disk on fire"));
}

}  // namespace
}  // namespace kvd::runtime
