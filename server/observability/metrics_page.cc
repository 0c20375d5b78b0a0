#include "server/observability/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/check.h"

namespace kvd::observability {

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void MetricsPage::AddCounter(std::string_view name, std::string_view help, double value,
                             const Labels& labels) {
  Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void MetricsPage::AddGauge(std::string_view name, std::string_view help, double value,
                           const Labels& labels) {
  Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

// The total is taken from the buckets that are shown, so that they always agree.
void MetricsPage::AddHistogram(std::string_view name, std::string_view help,
                               const Durations& durations, const Labels& labels) {
  auto& out = Add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  uint64_t total = 0;
  for (size_t i = 0; i < durations.counts.size(); ++i) {
    total += durations.counts[i];
    const bool is_last = i == Durations::kBounds.size();
    out.bucket.push_back({.cumulative_count = total,
                          .upper_bound = is_last ? std::numeric_limits<double>::infinity()
                                                 : Seconds(Durations::kBounds[i])});
  }
  out.sample_count = total;
  out.sample_sum = Seconds(durations.sum);
}

prometheus::ClientMetric& MetricsPage::Add(std::string_view name, std::string_view help,
                                           prometheus::MetricType type, const Labels& labels) {
  auto family = std::ranges::find(families_, name, &prometheus::MetricFamily::name);
  if (family == families_.end()) {
    families_.push_back({std::string(name), std::string(help), type, {}});
    family = std::prev(families_.end());
  }
  KVD_CHECK(family->type == type, "one name for two types of metric: " + family->name);
  prometheus::ClientMetric metric;
  for (const auto& [label, value] : labels) metric.label.push_back({label, value});
  return family->metric.emplace_back(std::move(metric));
}

std::string MetricsPage::Text() const {
  return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace kvd::observability
