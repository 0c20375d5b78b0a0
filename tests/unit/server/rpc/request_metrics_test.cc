// What clients ask, and what the page says of it.

#include "server/rpc/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/node/requests.h"
#include "server/observability/metrics_page.h"

namespace kvd::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

MATCHER_P(Shows, line, "") {
  observability::MetricsPage page;
  arg.AddTo(page);
  const std::string text = page.Text();
  *result_listener << text;
  return text.find("\n" + std::string(line) + "\n") != std::string::npos;
}

node::Operation PutOf(size_t bytes) {
  return {.key = "k", .action = node::Put{.value = std::string(bytes, 'v')}};
}

TEST(RequestMetricsTest, AnswersAreCountedByOperationAndReason) {
  RequestMetrics metrics;
  metrics.End(metrics.Begin({.key = "k", .action = node::Get{}}, kStart), std::nullopt, kStart);
  for (int i = 0; i < 2; ++i) {
    metrics.End(metrics.Begin(PutOf(1), kStart), Reason::kOutcomeUnknown, kStart);
  }
  metrics.CountMalformed(Reason::kBadRequest);
  EXPECT_THAT(metrics, Shows("kvd_rpc_requests_total{op=\"get\",reason=\"OK\"} 1"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_requests_total{op=\"put\",reason=\"OUTCOME_UNKNOWN\"} 2"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_requests_total{op=\"put\",reason=\"OK\"} 0"));
  EXPECT_THAT(metrics, Shows("kvd_partition_unknown_outcomes_total 2"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_requests_total{op=\"malformed\",reason=\"BAD_REQUEST\"} 1"));
}

TEST(RequestMetricsTest, EveryKindOfOperationAndEveryReasonHasAName) {
  RequestMetrics metrics;
  for (const char* line :
       {"{op=\"delete\",reason=\"OK\"} 0", "{op=\"increment\",reason=\"NO_MAJORITY\"} 0",
        "{op=\"batch\",reason=\"INTERNAL\"} 0", "{op=\"admin\",reason=\"JOB_CONFLICT\"} 0"}) {
    EXPECT_THAT(metrics, Shows(std::string("kvd_rpc_requests_total") + line));
  }
}

TEST(RequestMetricsTest, TimeRunsFromArrivalToAnswer) {
  RequestMetrics metrics;
  const auto begun = metrics.Begin(PutOf(1), kStart);
  metrics.End(begun, std::nullopt, kStart + 10ms);
  EXPECT_THAT(metrics, Shows("kvd_rpc_request_seconds_bucket{op=\"put\",le=\"0.005\"} 0"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_request_seconds_bucket{op=\"put\",le=\"0.01\"} 1"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_request_seconds_count{op=\"get\"} 0"));
}

TEST(RequestMetricsTest, WhatIsUnderwayHoldsMemoryUntilItEnds) {
  RequestMetrics metrics;
  const auto large = metrics.Begin(PutOf(100'000), kStart);
  const auto small = metrics.Begin(PutOf(10), kStart);
  const uint64_t bytes = node::SizeOf(PutOf(100'000)) + node::SizeOf(PutOf(10));
  EXPECT_THAT(metrics, Shows("kvd_rpc_inflight_operations 2"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_inflight_bytes " + std::to_string(bytes)));
  metrics.End(large, std::nullopt, kStart);
  EXPECT_THAT(metrics, Shows("kvd_rpc_inflight_bytes " + std::to_string(node::SizeOf(PutOf(10)))));
  metrics.End(small, Reason::kOverloaded, kStart);
  EXPECT_THAT(metrics, Shows("kvd_rpc_inflight_operations 0"));
  EXPECT_THAT(metrics, Shows("kvd_rpc_inflight_bytes 0"));
}

}  // namespace
}  // namespace kvd::rpc
