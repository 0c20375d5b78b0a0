// What a run found, and its two forms on disk: JSON, from which it can be read again, and a table
// for a README.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/versus/figure.h"

namespace kvd::bench {

struct Findings {
  double seconds = 0;  // That each contestant was under load, per round.
  int rounds = 0;
  std::vector<Figure> figures{};
  std::map<std::string, double> ratios{};  // kvd's throughput, or latency, by another's.

  // False: something failed.
  [[nodiscard]] bool all_done() const;
};

[[nodiscard]] std::string ToJson(const Findings& findings);

// Absent: it is nothing that ToJson wrote.
[[nodiscard]] std::optional<Findings> FromJson(std::string_view json);

// One of those that are compared over several figures, whatever the number of its callers.
struct Series {
  std::string_view prefix;  // Of its contestants' names.
  std::string_view title;   // In brackets: who has a write, and where, once it is acknowledged.
  std::string_view colour;  // As gnuplot has it.

  // The fastest of its contestants; null if it has none in this figure.
  [[nodiscard]] const Standing* In(const Figure& figure) const;
};

// In the order in which they are shown, kvd first.
[[nodiscard]] const std::vector<Series>& AllSeries();

// "36.8 k" for 36789: three digits at least, and no more than there are below 1000.
[[nodiscard]] std::string Short(double number);

// In Markdown: a row for each figure, a column for each series, throughput and p99.
[[nodiscard]] std::string ToTable(const Findings& findings);

}  // namespace kvd::bench
