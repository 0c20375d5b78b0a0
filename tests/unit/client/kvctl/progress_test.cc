// Progress is told of one look after another; the tests are timelines, and no time passes.

#include "client/kvctl/progress.h"

#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using client::Job;
using client::JobState;
using std::chrono::milliseconds;
using std::chrono::seconds;

Job At(uint64_t done, JobState state = JobState::kRunning) {
  return {.id = 7,
          .kind = client::JobKind::kJoin,
          .state = state,
          .copies = 100,
          .copies_left = 100 - done};
}

TEST(ProgressTest, FirstLookIsWorthALine) {
  Progress progress;
  EXPECT_TRUE(progress.OnLook(At(0), seconds(0)));
}

TEST(ProgressTest, LinesAreFiveSecondsApart) {
  Progress progress;
  EXPECT_TRUE(progress.OnLook(At(1), seconds(0)));
  EXPECT_FALSE(progress.OnLook(At(2), milliseconds(4999)));
  EXPECT_TRUE(progress.OnLook(At(2), seconds(5)));
  EXPECT_FALSE(progress.OnLook(At(2), milliseconds(9999)));
  EXPECT_TRUE(progress.OnLook(At(2), seconds(10)));
}

TEST(ProgressTest, LinesAreTenPercentApart) {
  Progress progress;
  EXPECT_TRUE(progress.OnLook(At(5), seconds(0)));
  EXPECT_FALSE(progress.OnLook(At(14), milliseconds(1)));
  EXPECT_TRUE(progress.OnLook(At(15), milliseconds(2)));
  EXPECT_FALSE(progress.OnLook(At(24), milliseconds(3)));
  EXPECT_TRUE(progress.OnLook(At(70), milliseconds(4)));
}

TEST(ProgressTest, NewStateIsToldAtOnce) {
  Progress progress;
  EXPECT_TRUE(progress.OnLook(At(5), seconds(0)));
  EXPECT_TRUE(progress.OnLook(At(5, JobState::kWaiting), milliseconds(1)));
  EXPECT_FALSE(progress.OnLook(At(5, JobState::kWaiting), milliseconds(2)));
  EXPECT_TRUE(progress.OnLook(At(5, JobState::kAborting), milliseconds(3)));
}

TEST(ProgressTest, AgeIsTheLongestThatFollowsFromAnyLook) {
  Progress progress;
  EXPECT_EQ(progress.age(), Duration::zero());
  Job job = At(5);
  job.age = seconds(60);
  EXPECT_TRUE(progress.OnLook(job, seconds(1)));
  EXPECT_EQ(progress.age(), Duration(seconds(60)));
  job.age = seconds(2);  // Another leader, which has just begun to lead.
  EXPECT_FALSE(progress.OnLook(job, seconds(4)));
  EXPECT_EQ(progress.age(), Duration(seconds(63)));
  EXPECT_TRUE(progress.OnLook(At(100, JobState::kDone), seconds(7)));  // Nobody watches it now.
  EXPECT_EQ(progress.age(), Duration(seconds(66)));
}

TEST(ProgressTest, HowFarItCameIsKeptWhenItIsUndone) {
  Progress progress;
  EXPECT_FALSE(progress.forward());
  EXPECT_TRUE(progress.OnLook(At(5, JobState::kAborting), seconds(0)));
  EXPECT_FALSE(progress.forward());
  EXPECT_TRUE(progress.OnLook(At(40), seconds(1)));
  EXPECT_TRUE(progress.OnLook(At(55, JobState::kWaiting), seconds(2)));
  EXPECT_TRUE(progress.OnLook(At(10, JobState::kAborting), seconds(3)));
  EXPECT_TRUE(progress.OnLook(At(100, JobState::kAborted), seconds(4)));
  EXPECT_EQ(progress.forward()->copies_done(), 55U);
}

TEST(MilestonesTest, AfterAResetTheNextLookIsWorthALine) {
  Milestones milestones;
  EXPECT_TRUE(milestones.OnLook(5, seconds(0)));
  EXPECT_FALSE(milestones.OnLook(5, milliseconds(1)));
  milestones.Reset();
  EXPECT_TRUE(milestones.OnLook(5, milliseconds(2)));
}

TEST(SpeedometerTest, IsSteadyForASecondAtATime) {
  Speedometer speedometer;
  EXPECT_EQ(speedometer.OnLook(0, seconds(0)), 0);
  EXPECT_EQ(speedometer.OnLook(50, milliseconds(500)), 100) << "since it began";
  EXPECT_EQ(speedometer.OnLook(400, seconds(2)), 200);
  EXPECT_EQ(speedometer.OnLook(900, milliseconds(2999)), 200) << "of the last window that ended";
  EXPECT_EQ(speedometer.OnLook(1000, seconds(3)), 600) << "of this one alone";
  EXPECT_EQ(speedometer.OnLook(1000, seconds(4)), 0);
}

TEST(PatienceTest, EndsWhenNobodyHasAnsweredForTooLong) {
  Patience patience;
  EXPECT_FALSE(patience.OnSilence(seconds(3)));
  EXPECT_FALSE(patience.OnSilence(milliseconds(12'999)));
  EXPECT_TRUE(patience.OnSilence(seconds(13)));
}

TEST(PatienceTest, BeginsAnewWithEveryAnswer) {
  Patience patience;
  EXPECT_FALSE(patience.OnSilence(seconds(0)));
  patience.OnAnswer();
  EXPECT_FALSE(patience.OnSilence(seconds(100)));
  EXPECT_FALSE(patience.OnSilence(seconds(109)));
  EXPECT_TRUE(patience.OnSilence(seconds(110)));
}

}  // namespace
}  // namespace kvd::kvctl
