#include "tests/bench/versus/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/bench/versus/load.h"
#include "tests/support/process.h"

namespace kvd::bench {
namespace {

// What the bars of a chart show.
struct Quantity {
  std::string title;
  std::string axis;
  std::function<double(const LoadResult&)> of;
};

struct Bar {
  int x = 0;
  double height = 0;
};

struct Chart {
  std::vector<std::vector<Bar>> bars{};  // By series.
  std::string tics{};                    // The groups' names, in their middle.
  int width = 0;                         // Of all bars and the gaps between groups.
  double lowest = 1e300;
  double highest = 0;
};

Chart ChartOf(const Findings& findings, const Quantity& quantity) {
  Chart chart;
  chart.bars.resize(AllSeries().size());
  for (const Figure& figure : findings.figures) {
    const int first = ++chart.width;
    for (size_t i = 0; i < AllSeries().size(); ++i) {
      const Standing* const one = AllSeries()[i].In(figure);
      if (one == nullptr) continue;
      const double height = quantity.of(one->typical);
      chart.bars[i].push_back({.x = chart.width++, .height = height});
      chart.lowest = std::min(chart.lowest, height);
      chart.highest = std::max(chart.highest, height);
    }
    chart.tics += fmt::format("{}'{}' {}", chart.tics.empty() ? "" : ", ", figure.name,
                              (first + chart.width - 1) / 2.0);
  }
  return chart;
}

// gnuplot's commands for one chart. The axis is logarithmic: figures differ by a factor of 500.
std::string ScriptOf(const Chart& chart, const Quantity& quantity) {
  std::string script;
  std::string plot = "plot";
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    if (chart.bars[i].empty()) continue;
    script += fmt::format("$bars{} << EOD\n", i);
    for (const Bar& bar : chart.bars[i]) {
      script += fmt::format("{} {} \"{}\"\n", bar.x, bar.height, Short(bar.height));
    }
    script += "EOD\n";
    plot += fmt::format(
        "{} $bars{} using 1:2 with boxes linecolor rgb '{}' title '{}',"
        " $bars{} using 1:2:3 with labels offset 0,0.6 font ',9' notitle",
        i == 0 ? "" : ",", i, AllSeries()[i].colour, AllSeries()[i].title, i);
  }
  script += fmt::format("set title '{}'\nset ylabel '{}'\nset xtics ({})\n", quantity.title,
                        quantity.axis, chart.tics);
  script += fmt::format("set xrange [0:{}]\nset yrange [{}:{}]\n", chart.width, chart.lowest / 3,
                        chart.highest * 2.5);
  return script + plot + "\n";
}

// What holds for both charts; `width` is of the bars.
std::string HeadOf(const Findings& findings, int width) {
  constexpr int kNarrowest = 1200;  // The title fits.
  std::string head =
      fmt::format("set terminal pngcairo size {},1000 font 'DejaVu Sans,10' background '#ffffff'\n",
                  std::max(kNarrowest, 160 + 48 * width));
  head += fmt::format(
      "set multiplot layout 2,1 title \"{{/:Bold kvd beside etcd, Redis and Redis Cluster, all on"
      " one machine}}\\nthree nodes each, Redis Cluster three masters and three replicas; keys of"
      " 24 bytes, values of {}; the middle of {} rounds of {} s\\n"
      "in brackets: who has a write, and where, when it is acknowledged\\n\" font ',12'\n",
      kValueBytes, findings.rounds, findings.seconds);
  return head +
         "set style fill solid noborder\nset boxwidth 0.9\nset logscale y\nset border 3\n"
         "set grid ytics back linetype 1 linecolor rgb '#d0d0d0'\nset lmargin 10\n"
         "set tics nomirror scale 0.5\nset key above horizontal Left reverse samplen 1\n";
}

std::string ScriptOf(const Findings& findings) {
  const Quantity throughput{"{/:Bold Throughput}, more is better",
                            "operations per second, log scale",
                            [](const LoadResult& result) { return result.per_second; }};
  const Quantity latency{"{/:Bold Latency}, less is better", "99th percentile, ms, log scale",
                         [](const LoadResult& result) { return result.p99_ms; }};
  const Chart above = ChartOf(findings, throughput);
  return HeadOf(findings, above.width) + "set format y '%.0s %c'\n" + ScriptOf(above, throughput) +
         "unset key\nset format y '%g'\nset xlabel \""
         "unary: so many callers, who wait for each operation\\n"
         "pipelined: kvd with 2000 operations underway, etcd with 256 or 1000 callers (the better),"
         " Redis with 50 connections of 16 commands\"\n" +
         ScriptOf(ChartOf(findings, latency), latency) + "unset multiplot\n";
}

}  // namespace

std::string Draw(const Findings& findings, const std::string& file) {
  const testing::Finished finished =
      testing::RunToEnd({.command = {"gnuplot"}, .in = ScriptOf(findings), .out_file = file});
  if (finished.code == 0 && finished.err.empty()) return {};
  return fmt::format("gnuplot ended with {}: {}", finished.code, finished.err);
}

bool CanDraw() {
  return testing::RunToEnd({.command = {"gnuplot", "-e", "set terminal pngcairo"}}).code == 0;
}

}  // namespace kvd::bench
