// Random walks of a group that keeps the rules: none is broken, and when the weather clears the
// group works.

#include "tests/unit/server/raft/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace kvd::raft::test {
namespace {

using ::testing::IsEmpty;

TEST(WalkTest, NoRuleIsBrokenAndTheGroupRecovers) {
  const char* asked = std::getenv("KVD_WALK_SEEDS");  // For a longer look.
  const uint64_t seeds = asked == nullptr ? 40 : std::stoull(asked);
  Judge::Sights seen;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    Walk walk(seed);
    walk.Run(2000);
    ASSERT_THAT(walk.judge().breaches(), IsEmpty());
    ASSERT_EQ(walk.Heal(), "");
    ASSERT_THAT(walk.judge().breaches(), IsEmpty());
    seen.lost_reads += walk.judge().sights().lost_reads;
    seen.fetches += walk.judge().sights().fetches;
    seen.resets += walk.judge().sights().resets;
    seen.configurations += walk.judge().sights().configurations;
    seen.terms += walk.judge().sights().terms;
  }
  // The walks went where it is dangerous.
  EXPECT_GT(seen.lost_reads, seeds);
  EXPECT_GT(seen.fetches, seeds);
  EXPECT_GT(seen.resets, seeds / 4);
  EXPECT_GT(seen.configurations, seeds);
  EXPECT_GT(seen.terms, seeds * 3);
}

}  // namespace
}  // namespace kvd::raft::test
