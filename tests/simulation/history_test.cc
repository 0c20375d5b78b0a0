// The judge is judged: histories written by hand, right ones and wrong ones. Times are in ms.

#include "tests/simulation/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::simulation {
namespace {

using ::testing::HasSubstr;

class HistoryTest : public ::testing::Test {
 protected:
  Op& Add(OpKind kind, int began, int ended) {
    ops_.push_back({.id = ops_.size() + 1, .node = "n1", .key = "k", .kind = kind});
    ops_.back().began = std::chrono::milliseconds(began);
    ops_.back().ended = std::chrono::milliseconds(ended);
    ops_.back().state = OpState::kDone;
    return ops_.back();
  }
  Op& Put(const std::string& value, int began, int ended, Version version) {
    Op& op = Add(OpKind::kPut, began, ended);
    op.value = value;
    op.version = version;
    return op;
  }
  Op& Increment(int64_t by, int began, int ended, int64_t number, Version version) {
    Op& op = Add(OpKind::kIncrement, began, ended);
    op.by = by;
    op.number = number;
    op.version = version;
    return op;
  }
  // A put whose outcome nobody knows.
  void Lost(const std::string& value, int began) {
    Op& op = Put(value, began, began, 0);
    op.state = OpState::kOpen;
    op.ended = Duration::max();
    op.version.reset();
  }
  void Found(const std::string& value, int began, int ended, Version version) {
    Op& op = Put(value, began, ended, version);
    op.kind = OpKind::kGet;
    op.found = true;
  }
  void Absent(int began, int ended) { Add(OpKind::kGet, began, ended); }
  void Removed(int began, int ended, Version version) {
    Op& op = Add(OpKind::kDelete, began, ended);
    op.found = true;
    op.version = version;
  }

  std::vector<Op> ops_;
};

TEST_F(HistoryTest, OneAfterAnotherIsRight) {
  Absent(0, 1);
  Put("a", 2, 3, 1);
  Found("a", 4, 5, 1);
  Removed(6, 7, 2);
  Absent(8, 9);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
}

TEST_F(HistoryTest, ConcurrentReadsMaySeeEitherSideOfAWriteButNotGoBack) {
  Put("a", 0, 1, 1);
  Put("b", 2, 10, 2);
  Found("b", 3, 4, 2);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Found("a", 5, 6, 1);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AStaleReadIsFound) {
  Put("a", 0, 1, 1);
  Put("b", 2, 3, 2);
  Found("a", 4, 5, 1);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
  EXPECT_THAT(*JudgeHistory(ops_).wrong, HasSubstr("op 3"));
}

TEST_F(HistoryTest, ALostWriteIsFound) {
  Put("a", 0, 1, 1);
  Absent(2, 3);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AWriteOfUnknownOutcomeMayHappenLateOrNever) {
  Lost("a", 0);
  Absent(1, 2);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Found("a", 3, 4, 7);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Absent(5, 6);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AConditionThatHeldWasTrueAtThatMoment) {
  Put("a", 0, 1, 1);
  Put("b", 2, 3, 2).if_version = 1;
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Put("c", 4, 5, 3).if_version = 1;
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AConditionThatFailedWasFalseAtThatMoment) {
  Put("a", 0, 1, 1);
  Op& op = Put("b", 2, 3, 1);
  op.if_version = 0;
  op.mismatch = true;
  Found("a", 4, 5, 1);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  ops_[1].version = 0;
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AnIncrementIsAppliedOnce) {
  Increment(5, 0, 1, 5, 1);
  Increment(2, 2, 3, 7, 2);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Increment(1, 4, 5, 10, 4);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, AnIncrementOfUnknownOutcomeCountsOnceOrNotAtAll) {
  Op& lost = Increment(5, 0, 1, 0, 0);
  lost.state = OpState::kOpen;
  lost.ended = Duration::max();
  lost.version.reset();
  Increment(1, 2, 3, 1, 1);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Increment(1, 4, 5, 7, 3);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kLinearizable);
  Increment(1, 6, 7, 13, 4);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
  EXPECT_FALSE(JudgeCount(ops_, "k", 8).has_value());
  EXPECT_TRUE(JudgeCount(ops_, "k", 2).has_value());
  EXPECT_TRUE(JudgeCount(ops_, "k", 9).has_value());
}

TEST_F(HistoryTest, AWriteOfUnknownOutcomeHappensAtMostOnce) {
  Lost("a", 0);
  Found("a", 1, 2, 1);
  Put("b", 3, 4, 2);
  Found("a", 5, 6, 3);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, ARefusedWriteThatShowsIsFound) {
  Put("a", 0, 1, 1).state = OpState::kRefused;
  EXPECT_FALSE(JudgeHistory(ops_).wrong.has_value());
  Found("a", 2, 3, 1);
  EXPECT_TRUE(JudgeHistory(ops_).wrong.has_value());
}

TEST_F(HistoryTest, AValueNobodyWroteIsFound) {
  Found("x", 0, 1, 1);
  EXPECT_EQ(JudgeKey(ops_), Judgement::kNot);
}

TEST_F(HistoryTest, VersionsOfAPartitionNeverGoBackNorRepeat) {
  Put("a", 0, 1, 5);
  Put("b", 2, 3, 4).key = "other";
  EXPECT_THAT(*JudgeHistory(ops_).wrong, HasSubstr("versions went back"));
  ops_[1].version = 5;
  EXPECT_THAT(*JudgeHistory(ops_).wrong, HasSubstr("one version twice"));
  ops_[1].version = 6;
  EXPECT_FALSE(JudgeHistory(ops_).wrong.has_value());
}

}  // namespace
}  // namespace kvd::simulation
