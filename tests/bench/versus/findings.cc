#include "tests/bench/versus/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kvd::bench {
namespace {

nlohmann::json JsonOf(const std::string& figure, const Standing& one) {
  return {{"figure", figure},
          {"contestant", one.name},
          {"per_second", one.typical.per_second},
          {"p50_ms", one.typical.p50_ms},
          {"p99_ms", one.typical.p99_ms},
          {"p999_ms", one.typical.p999_ms},
          {"server_cpu_us_per_operation", one.cpu_us},
          {"failed", one.typical.failed}};
}

Standing StandingOf(const nlohmann::json& json) {
  return {.name = json.at("contestant"),
          .typical = {.per_second = json.at("per_second"),
                      .p50_ms = json.at("p50_ms"),
                      .p99_ms = json.at("p99_ms"),
                      .p999_ms = json.at("p999_ms"),
                      .failed = json.at("failed")},
          .cpu_us = json.at("server_cpu_us_per_operation")};
}

}  // namespace

bool Findings::all_done() const {
  return std::ranges::all_of(figures, [](const Figure& figure) {
    return std::ranges::all_of(figure.standings,
                               [](const Standing& one) { return one.typical.failed == 0; });
  });
}

std::string ToJson(const Findings& findings) {
  nlohmann::json all{{"seconds", findings.seconds},
                     {"rounds", findings.rounds},
                     {"ratios", findings.ratios},
                     {"figures", nlohmann::json::array()}};
  for (const Figure& figure : findings.figures) {
    for (const Standing& one : figure.standings) {
      all["figures"].push_back(JsonOf(figure.name, one));
    }
  }
  return all.dump(2) + "\n";
}

std::optional<Findings> FromJson(std::string_view json) {
  try {
    const auto all = nlohmann::json::parse(json);
    Findings findings{.seconds = all.at("seconds"), .rounds = all.at("rounds")};
    all.at("ratios").get_to(findings.ratios);
    for (const nlohmann::json& one : all.at("figures")) {
      const std::string name = one.at("figure");
      auto& figures = findings.figures;
      if (figures.empty() || figures.back().name != name) figures.push_back({name, {}});
      figures.back().standings.push_back(StandingOf(one));
    }
    return findings;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

const Standing* Series::In(const Figure& figure) const {
  const Standing* fastest = nullptr;
  for (const Standing& one : figure.standings) {
    if (!one.name.starts_with(prefix)) continue;
    if (fastest == nullptr || one.typical.per_second > fastest->typical.per_second) fastest = &one;
  }
  return fastest;
}

const std::vector<Series>& AllSeries() {
  static const std::vector<Series> all = {
      {"kvd", "kvd (majority, fsync)", "#d95f02"},
      {"etcd", "etcd (majority, fsync)", "#6a8fbf"},
      {"bare gRPC", "bare gRPC (stores nothing)", "#b0b0b0"},
      {"Redis, WAIT", "Redis, WAIT 1 (two, fsync)", "#2f6b4f"},
      {"Redis Cluster, always", "Redis Cluster, always (one, fsync)", "#69a583"},
      {"Redis Cluster, everysec", "Redis Cluster, everysec (one, fsync later)", "#b5d6bf"},
  };
  return all;
}

std::string Short(double number) {
  if (number >= 99'950) return fmt::format("{:.0f} k", number / 1000);
  if (number >= 9'995) return fmt::format("{:.1f} k", number / 1000);
  if (number >= 999.5) return fmt::format("{:.2f} k", number / 1000);
  if (number >= 99.5) return fmt::format("{:.0f}", number);
  return fmt::format("{:.{}f}", number, number >= 9.95 ? 0 : 1);
}

std::string ToTable(const Findings& findings) {
  std::string heads = "| per second, p99";
  std::string rule = "|---";
  for (const Series& series : AllSeries()) {
    heads += fmt::format(" | {}", series.title);
    rule += "|---";
  }
  std::string table = heads + " |\n" + rule + "|\n";
  for (const Figure& figure : findings.figures) {
    table += fmt::format("| {}", figure.name);
    for (const Series& series : AllSeries()) {
      const Standing* const one = series.In(figure);
      table += one == nullptr ? " |"
                              : fmt::format(" | {}/s, {} ms", Short(one->typical.per_second),
                                            Short(one->typical.p99_ms));
    }
    table += " |\n";
  }
  return table;
}

}  // namespace kvd::bench
