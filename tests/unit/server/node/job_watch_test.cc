#include "server/node/job_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using topology::JobId;

constexpr JobId kJob{3};
constexpr Instant kStart = Instant{} + 1h;

TEST(JobWatchTest, TheRateIsThatOfTheLastSeconds) {
  JobWatch watch;
  uint64_t left = 1'000'000;
  for (int second = 0; second <= 60; ++second) {
    watch.Look(kJob, left, kStart + second * 1s);
    left -= second < 40 ? 1000 : 10'000;
  }
  const JobWatch::Pace pace = watch.PaceOf(kJob, kStart + 60s);
  EXPECT_EQ(pace.bytes_per_second, 10'000U);
  EXPECT_EQ(pace.bytes_total, 1'000'000U);
  EXPECT_EQ(pace.age, Duration(60s));
  EXPECT_EQ(pace.left, Duration(76s));
}

TEST(JobWatchTest, WhatDoesNotAdvanceHasNoEndInSight) {
  JobWatch watch;
  for (int i = 0; i < 5; ++i) watch.Look(kJob, 1000, kStart + i * 1s);
  const JobWatch::Pace pace = watch.PaceOf(kJob, kStart + 4s);
  EXPECT_EQ(pace.bytes_per_second, 0U);
  EXPECT_FALSE(pace.left);
}

TEST(JobWatchTest, SizesThatBecomeKnownAreNoProgressBackwards) {
  JobWatch watch;
  watch.Look(kJob, 0, kStart);
  watch.Look(kJob, 9000, kStart + 100ms);
  watch.Look(kJob, 7000, kStart + 1100ms);
  const JobWatch::Pace pace = watch.PaceOf(kJob, kStart + 2s);
  EXPECT_EQ(pace.bytes_per_second, 2000U);
  EXPECT_EQ(pace.bytes_total, 9000U);
  EXPECT_EQ(pace.left, Duration(3500ms));
}

TEST(JobWatchTest, NonsenseDoesNotOverflow) {
  JobWatch watch;
  watch.Look(kJob, std::numeric_limits<uint64_t>::max(), kStart);
  watch.Look(kJob, std::numeric_limits<uint64_t>::max() - 5000, kStart + 1s);
  EXPECT_EQ(watch.PaceOf(kJob, kStart + 1s).left, Duration(24h * 365));
}

TEST(JobWatchTest, JobsThatEndedAreForgotten) {
  topology::Topology topology;
  topology.jobs = {{.id = JobId{3}}, {.id = JobId{4}, .state = topology::JobState::kDone}};
  JobWatch watch;
  for (const uint64_t job : {3, 4, 5}) watch.Look(JobId{job}, 10, kStart);
  watch.Retain(topology);
  EXPECT_NE(watch.PaceOf(JobId{3}, kStart + 1s).age, Duration::zero());
  EXPECT_EQ(watch.PaceOf(JobId{4}, kStart + 1s).age, Duration::zero());
  EXPECT_EQ(watch.PaceOf(JobId{5}, kStart + 1s).age, Duration::zero());
}

}  // namespace
}  // namespace kvd::node
