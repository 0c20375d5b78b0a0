#include "client/kvctl/render_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/kvctl/layout.h"
#include "client/load/zipf.h"
#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

using load::Kind;
using load::Outcomes;
using nlohmann::ordered_json;

struct Quantile {
  const char* heading;
  const char* field;
  double share;
};
constexpr std::array<Quantile, 4> kQuantiles = {{{"p50", "p50_ms", 0.5},
                                                 {"p95", "p95_ms", 0.95},
                                                 {"p99", "p99_ms", 0.99},
                                                 {"p99.9", "p99_9_ms", 0.999}}};

double Rate(uint64_t count, Duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// To the microsecond.
double Milliseconds(Duration duration) {
  return std::round(static_cast<double>(duration.count()) / 1000) / 1000;
}

// Nothing was answered: no latency is known, which is not none.
ordered_json Latency(const Outcomes& outcomes, Duration latency) {
  if (outcomes.answered() == 0) return nullptr;
  return Milliseconds(latency);
}

std::string KeysOf(const BenchPlan& plan) {
  const std::string name(load::ChoiceName(plan.workload.choice));
  const bool by_zipf = plan.workload.choice != load::Choice::kUniform;
  return by_zipf ? fmt::format("{} {}", name, load::Zipf::kTheta) : name;
}

load::Tally SumOf(const std::vector<BenchResult>& results) {
  load::Tally sum;
  for (const BenchResult& result : results) sum.Add(result.figures.tally);
  return sum;
}

Table::Cell Count(uint64_t count, Tint tint) {
  return {std::to_string(count), count > 0 ? tint : Tint::kNone};
}

std::vector<Table::Cell> RowOf(Kind kind, const load::Figures& figures) {
  const Outcomes& outcomes = figures.tally.Of(kind);
  std::vector<Table::Cell> row;
  row.push_back({std::string(load::KindName(kind))});
  row.push_back({fmt::format("{:.0f}", Rate(outcomes.in_time, figures.elapsed))});
  const bool measured = outcomes.answered() > 0;
  for (const Quantile& quantile : kQuantiles) {
    const Duration latency = outcomes.latencies.Quantile(quantile.share);
    row.push_back({measured ? FormatLatency(latency) : ""});
  }
  row.push_back({measured ? FormatLatency(outcomes.latencies.max()) : ""});
  row.push_back(Count(outcomes.unknown, Tint::kYellow));
  row.push_back(Count(outcomes.errors, Tint::kRed));
  return row;
}

ordered_json JsonOf(const Outcomes& outcomes, Duration elapsed) {
  ordered_json object;
  object["answered"] = outcomes.answered();
  object["per_second"] = std::round(Rate(outcomes.in_time, elapsed) * 10) / 10;
  for (const Quantile& quantile : kQuantiles) {
    object[quantile.field] = Latency(outcomes, outcomes.latencies.Quantile(quantile.share));
  }
  object["max_ms"] = Latency(outcomes, outcomes.latencies.max());
  object["unknown"] = outcomes.unknown;
  object["errors"] = outcomes.errors;
  object["absent"] = outcomes.absent;
  object["conflicts"] = outcomes.conflicts;
  return object;
}

}  // namespace

std::string BenchTitle(const BenchPlan& plan) {
  const load::Workload& workload = plan.workload;
  std::string title = workload.name == "mix" ? "mix" : "workload " + workload.name;
  title += fmt::format("   {}   {}   {} x {}", workload.mix.ToString(), KeysOf(plan),
                       Plural(plan.records, "record"), FormatBytes(plan.format.value_bytes));
  if (plan.pipelined) title += "   pipelined";
  if (plan.per_second) title += fmt::format("   {}/s due", *plan.per_second);
  return title + "\n";
}

std::string BenchTable(const BenchPlan& plan, const std::vector<BenchResult>& results,
                       bool colour) {
  const bool several = plan.callers.size() > 1;
  Table table;
  if (several) table.AddColumn("threads", Table::Align::kRight);
  table.AddColumn("");
  table.AddColumn("ops/s", Table::Align::kRight);
  for (const Quantile& quantile : kQuantiles) table.AddColumn(quantile.heading);
  table.AddColumn("max");
  table.AddColumn("unknown", Table::Align::kRight);
  table.AddColumn("errors", Table::Align::kRight);
  for (const BenchResult& result : results) {
    for (const Kind kind : load::kKinds) {
      if (!plan.workload.mix.Has(kind)) continue;
      auto row = RowOf(kind, result.figures);
      if (several) row.insert(row.begin(), {std::to_string(result.callers)});
      table.AddRow(std::move(row));
    }
  }
  return table.Render(colour);
}

std::string BenchJson(const BenchPlan& plan, const BenchResult& result) {
  const load::Figures& figures = result.figures;
  const load::Mix& mix = plan.workload.mix;
  ordered_json object;
  object["workload"] = plan.workload.name;
  for (const Kind kind : load::kKinds) {
    if (mix.Has(kind)) object["mix_percent"][std::string(load::KindName(kind))] = mix.share(kind);
  }
  object["keys"] = load::ChoiceName(plan.workload.choice);
  object["records"] = plan.records;
  object["key_bytes"] = plan.format.key_bytes;
  object["value_bytes"] = plan.format.value_bytes;
  object["threads"] = result.callers;
  object["pipelined"] = plan.pipelined;
  if (plan.per_second) object["due_per_second"] = *plan.per_second;
  object["seed"] = plan.seed;
  object["duration_ms"] = Milliseconds(figures.elapsed);
  object["interrupted"] = result.interrupted;
  if (plan.per_second) object["not_begun"] = figures.not_begun;
  const Outcomes total = figures.tally.Total();
  object["per_second"] = std::round(Rate(total.in_time, figures.elapsed) * 10) / 10;
  for (const Kind kind : load::kKinds) {
    if (!mix.Has(kind)) continue;
    object["operations"][std::string(load::KindName(kind))] =
        JsonOf(figures.tally.Of(kind), figures.elapsed);
  }
  return object.dump() + "\n";
}

std::vector<std::string> BenchRemarks(const std::vector<BenchResult>& results) {
  uint64_t not_begun = 0;
  for (const BenchResult& result : results) not_begun += result.figures.not_begun;
  const Outcomes total = SumOf(results).Total();
  std::vector<std::string> remarks;
  if (!results.empty() && results.back().interrupted) {
    remarks.push_back(
        fmt::format("interrupted after {}", FormatAge(results.back().figures.elapsed)));
  }
  if (not_begun > 0) {
    remarks.push_back(
        fmt::format("{} due and not begun, because all threads were busy; try more --threads, or a "
                    "lower --rate",
                    Plural(not_begun, "operation")));
  }
  if (total.absent > 0) {
    remarks.push_back(
        fmt::format("{} found no record: not all were loaded, or somebody deletes them",
                    Plural(total.absent, "operation")));
  }
  if (total.conflicts > 0) {
    remarks.push_back(fmt::format("{} between rmw on one record; the losers began again",
                                  Plural(total.conflicts, "conflict")));
  }
  return remarks;
}

std::optional<Failure> BenchFailure(const std::vector<BenchResult>& results) {
  const load::Tally sum = SumOf(results);
  const Outcomes total = sum.Total();
  if (total.failed() == 0) return std::nullopt;
  Failure failure = FromError(*sum.first_error());
  failure.message =
      fmt::format("{} of {} failed{}; the first: {}", total.failed(),
                  Plural(total.answered() + total.failed(), "operation"),
                  total.unknown > 0 ? fmt::format(", {} with unknown outcome", total.unknown) : "",
                  sum.first_error()->message);
  return failure;
}

BenchProgress SweepProgress(const std::string& doing, uint64_t done, uint64_t total,
                            double per_second) {
  const uint64_t percent = total == 0 ? 100 : std::min<uint64_t>(done * 100 / total, 100);
  return {.title = doing,
          .percent = percent,
          .figures = fmt::format("{:>3}%  {}/{}  {:.0f}/s", percent, done, Plural(total, "record"),
                                 per_second)};
}

BenchProgress RunProgress(size_t callers, const load::Figures& figures, Duration length,
                          double per_second) {
  const Outcomes total = figures.tally.Total();
  const auto percent = static_cast<uint64_t>(std::clamp<double>(
      100 * static_cast<double>(figures.elapsed.count()) / static_cast<double>(length.count()), 0,
      100));
  std::string text = fmt::format("{:>3}%  {:.0f} ops/s  p99 {}", percent, per_second,
                                 FormatLatency(total.latencies.Quantile(0.99)));
  if (total.failed() > 0) text += fmt::format("  {} failed", total.failed());
  text += fmt::format("  {} left", FormatAge(std::max(length - figures.elapsed, Duration::zero())));
  return {.title = Plural(callers, "thread"), .percent = percent, .figures = std::move(text)};
}

}  // namespace kvd::kvctl
