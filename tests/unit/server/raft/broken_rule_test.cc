// Each rule is broken in turn, in a build of the room that can: the walks must notice within a
// bounded number of seeds, or they prove nothing about the rule.

#include <gtest/gtest.h>

#include <iostream>

#include "server/raft/rules.h"
#include "tests/unit/server/raft/walk.h"

namespace kvd::raft::test {
namespace {

struct Control {
  std::string_view name;
  Rule rule;
  uint64_t within_seeds;
};

class BrokenRuleTest : public ::testing::TestWithParam<Control> {
 protected:
  void SetUp() override { broken = {GetParam().rule}; }
  void TearDown() override { broken.clear(); }
};

TEST_P(BrokenRuleTest, IsNoticed) {
  for (uint64_t seed = 1; seed <= GetParam().within_seeds; ++seed) {
    Walk walk(seed);
    walk.Run(3000);
    if (walk.judge().breaches().empty()) continue;
    std::cout << "seed " << seed << ": " << walk.judge().breaches().front() << '\n';
    return;
  }
  FAIL() << "not noticed within " << GetParam().within_seeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenRuleTest,
    ::testing::Values(Control{"VoteBeforeSync", Rule::kVoteBeforeSync, 40},
                      Control{"AckBeforeSync", Rule::kAckBeforeSync, 40},
                      Control{"ReadWithoutConfirmation", Rule::kReadWithoutConfirmation, 40},
                      Control{"CommitOldTermByCounting", Rule::kCommitOldTermByCounting, 40},
                      Control{"ApplyBeforeCommit", Rule::kApplyBeforeCommit, 40},
                      Control{"ConfirmationAcrossTerms", Rule::kConfirmationAcrossTerms, 200},
                      Control{"NewMajorityOnly", Rule::kNewMajorityOnly, 40},
                      Control{"LearnerCounted", Rule::kLearnerCounted, 40},
                      Control{"VoteWithoutLogCheck", Rule::kVoteWithoutLogCheck, 40},
                      Control{"TwoChangesAtOnce", Rule::kTwoChangesAtOnce, 40}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace kvd::raft::test
