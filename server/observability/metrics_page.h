// The page on which Prometheus finds what is counted.
//
// Threading: confined to the scrape it was made for.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/durations.h"

namespace kvd::observability {

// What is shown at one moment, in the order in which it is added. Numbers that are added under one
// name make one family, which has the first one's help.
class MetricsPage {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  // REQUIRES: a name of Prometheus' alphabet, always added by the same one of these three methods,
  // each time with other labels.
  void AddCounter(std::string_view name, std::string_view help, double value,
                  const Labels& labels = {});
  void AddGauge(std::string_view name, std::string_view help, double value,
                const Labels& labels = {});
  void AddHistogram(std::string_view name, std::string_view help, const Durations& durations,
                    const Labels& labels = {});

  // In Prometheus' text format.
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
  [[nodiscard]] std::string Text() const;

 private:
  [[nodiscard]] prometheus::ClientMetric& Add(std::string_view name, std::string_view help,
                                              prometheus::MetricType type, const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

// As Prometheus has time.
[[nodiscard]] double Seconds(Duration duration);

}  // namespace kvd::observability
