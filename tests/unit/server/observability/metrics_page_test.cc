// How what is counted reads on the page.

#include "server/observability/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::observability {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(MetricsPageTest, AFamilyIsOneWhereverItsMembersAreAdded) {
  MetricsPage page;
  page.AddCounter("kvd_a_total", "What a is.", 1, {{"op", "get"}, {"reason", "OK"}});
  page.AddGauge("kvd_b", "What b is.", 0.5);
  page.AddCounter("kvd_a_total", "", 2, {{"op", "put"}, {"reason", "OK"}});
  EXPECT_EQ(page.Text(),
            "# HELP kvd_a_total What a is.\n"
            "# TYPE kvd_a_total counter\n"
            "kvd_a_total{op=\"get\",reason=\"OK\"} 1\n"
            "kvd_a_total{op=\"put\",reason=\"OK\"} 2\n"
            "# HELP kvd_b What b is.\n"
            "# TYPE kvd_b gauge\n"
            "kvd_b 0.5\n");
}

TEST(MetricsPageTest, BucketsAreCumulativeAndInSeconds) {
  Durations durations;
  durations.Add(50us);
  durations.Add(2ms);
  durations.Add(1min);
  MetricsPage page;
  page.AddHistogram("kvd_c_seconds", "What c is.", durations, {{"op", "get"}});
  const std::string text = page.Text();
  EXPECT_THAT(text, HasSubstr("# TYPE kvd_c_seconds histogram\n"));
  for (const char* line :
       {"kvd_c_seconds_count{op=\"get\"} 3\n", "kvd_c_seconds_bucket{op=\"get\",le=\"5e-05\"} 1\n",
        "kvd_c_seconds_bucket{op=\"get\",le=\"0.001\"} 1\n",
        "kvd_c_seconds_bucket{op=\"get\",le=\"0.0025\"} 2\n",
        "kvd_c_seconds_bucket{op=\"get\",le=\"30\"} 2\n",
        "kvd_c_seconds_bucket{op=\"get\",le=\"+Inf\"} 3\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, HasSubstr("kvd_c_seconds_sum{op=\"get\"} 60.002"));
}

TEST(MetricsPageDeathTest, OneNameHasOneType) {
  MetricsPage page;
  page.AddCounter("kvd_a", "", 1);
  EXPECT_DEATH(page.AddGauge("kvd_a", "", 1), "kvd_a");
}

}  // namespace
}  // namespace kvd::observability
