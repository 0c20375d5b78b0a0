// A node's log and topology as a process left them, read by the next one.

#include "server/node/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecoveryTest : public ::testing::Test {
 protected:
  void Write(storage::GroupWrite write) { ASSERT_TRUE(log_.Append({&write, 1}).ok()); }

  // What kvd did before there was a file for it.
  void KeepInLog(const std::string& record) {
    Write({.group = kSystemGroup, .entries = {{.index = 1, .term = 1, .payload = record}}});
  }

  StatusOr<Recovery> RecoverWith(const std::optional<std::string>& topology) {
    partition::StateMachines machines(store_);
    return Recover(log_, machines, topology);
  }

  const topology::Topology topology_ =
      topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(3), topology::CardsOf(3));
  const std::string record_ = topology::EncodeTopology(topology_);
  storage::MemoryLog log_;
  storage::MemoryStore store_;
};

TEST_F(RecoveryTest, ABlankNodeStartsFromNothing) {
  const Recovery recovery = RecoverWith(std::nullopt).value();
  EXPECT_EQ(recovery.topology, std::nullopt);
  EXPECT_THAT(recovery.replicas, IsEmpty());
}

TEST_F(RecoveryTest, TheTopologyIsTheOneThatIsKept) {
  EXPECT_EQ(RecoverWith(record_).value().topology, topology_);
}

TEST_F(RecoveryTest, ADamagedTopologyIsRefused) {
  std::string damaged = record_;
  damaged[20] ^= 1;
  const Status refused = RecoverWith(damaged).status();
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(refused), HasSubstr("the topology kept here"));
}

TEST_F(RecoveryTest, ReplicasWithoutATopologyAreRefused) {
  Write({.group = GroupOf(PartitionId{3}),
         .hard_state = storage::HardState{.term = 1, .voted_for = {}}});
  const Status refused = RecoverWith(std::nullopt).status();
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(refused), HasSubstr("empty the data directory"));
  EXPECT_THAT(RecoverWith(record_).value().replicas, SizeIs(1));
}

TEST_F(RecoveryTest, ATopologyThatIsInTheLogIsReadAndCanBeTakenOut) {
  EXPECT_EQ(ReadTopologyInLog(log_).value(), std::nullopt);
  KeepInLog(record_);
  EXPECT_EQ(ReadTopologyInLog(log_).value(), record_);
  ASSERT_TRUE(ForgetTopologyInLog(log_).ok());
  EXPECT_EQ(ReadTopologyInLog(log_).value(), std::nullopt);
  EXPECT_EQ(log_.Groups().value()[0], (storage::GroupExtent{.group = kSystemGroup}));
}

TEST_F(RecoveryTest, TheLogOfAReplicaOfTheSystemGroupHoldsNoSuchTopology) {
  Write({.group = kSystemGroup,
         .entries = {{.index = 1, .term = 1, .payload = "a command"}},
         .create = storage::GroupWrite::Create{.id = ReplicaId{7}}});
  EXPECT_EQ(ReadTopologyInLog(log_).value(), std::nullopt);
}

}  // namespace
}  // namespace kvd::node
