#include "client/kvctl/render_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/kvctl/layout.h"
#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

using client::Job;
using client::JobState;
using nlohmann::ordered_json;

int64_t Milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// "0:45", "1:02:03".
std::string FormatClock(Duration left) {
  const auto s = std::chrono::ceil<std::chrono::seconds>(left).count();
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

// "0.9/1.6 GiB": both in the unit that suits the whole.
std::string FormatBytesOf(uint64_t part, uint64_t whole) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (whole < 1024) return fmt::format("{}/{} bytes", part, whole);
  size_t unit = 0;
  double scale = 1024;
  while (unit + 1 < kUnits.size() && static_cast<double>(whole) / scale >= 1024) {
    scale *= 1024;
    ++unit;
  }
  return fmt::format("{:.1f}/{:.1f} {}", static_cast<double>(part) / scale,
                     static_cast<double>(whole) / scale, kUnits.at(unit));
}

std::string CopiesOf(const Job& job) {
  return fmt::format("{}/{}", job.copies_done(), job.copies);
}

std::string RateOf(const Job& job) {
  if (job.has_ended() || job.bytes_per_second == 0) return {};
  return FormatBytes(job.bytes_per_second) + "/s";
}

std::string LeftOf(const Job& job) {
  return job.has_ended() || !job.left ? std::string() : FormatClock(*job.left);
}

// What follows the title: figures while it advances, else the state and the reason. An aborted job
// counts what it had to undo, and has.
std::string Figures(const Job& job) {
  if (job.state == JobState::kAborted) return " aborted";
  std::string out = fmt::format("{:>3}%  {} replicas", PercentDone(job), CopiesOf(job));
  if (job.bytes_total() > 0) out += "  " + FormatBytesOf(job.bytes_done, job.bytes_total());
  if (job.state == JobState::kRunning) {
    if (const std::string rate = RateOf(job); !rate.empty()) out += "  " + rate;
    if (const std::string left = LeftOf(job); !left.empty()) out += "  " + left + " left";
    return out;
  }
  out += fmt::format("  {}", client::JobStateName(job.state));
  if (!job.reason.empty()) out += ": " + Visible(job.reason);
  return out;
}

Tint TintOf(JobState state) {
  switch (state) {
    case JobState::kDone:
      return Tint::kGreen;
    case JobState::kRunning:
      return Tint::kNone;
    case JobState::kAborted:
      return Tint::kRed;
    default:
      return Tint::kYellow;
  }
}

std::vector<Table::Cell> RowOf(const Job& job) {
  // Of an aborted job only what was undone in the end is known.
  const bool counts = job.id != 0 && job.state != JobState::kAborted;
  return {{job.id == 0 ? "" : std::to_string(job.id)},
          {std::string(client::JobKindName(job.kind))},
          {fmt::format("{}", fmt::join(job.nodes, ","))},
          {std::string(client::JobStateName(job.state)), TintOf(job.state)},
          {counts ? CopiesOf(job) : ""},
          {RateOf(job)},
          {LeftOf(job)},
          {job.age > Duration::zero() ? FormatAge(job.age) : ""},
          {job.reason}};
}

}  // namespace

std::string JobTitle(const Job& job) {
  std::string title = job.id == 0 ? "" : fmt::format("job {} ", job.id);
  title += client::JobKindName(job.kind);
  for (const std::string& node : job.nodes) title += " " + Visible(node);
  return title;
}

uint64_t PercentDone(const Job& job) {
  if (job.copies == 0) return 100;
  return static_cast<uint64_t>(100.0 * static_cast<double>(job.copies_done()) /
                               static_cast<double>(job.copies));
}

std::string JobLine(const Job& job) {
  return fmt::format("{}  {}", JobTitle(job), Figures(job));
}

std::string ProgressBar(const Job& job, size_t columns) {
  return BarLine(JobTitle(job) + "   ", PercentDone(job), Figures(job), columns);
}

std::string JobsTable(const std::vector<Job>& jobs, bool colour) {
  if (jobs.empty()) return "no jobs\n";
  Table table;
  for (const char* name :
       {"ID", "KIND", "NODE", "STATE", "DONE", "RATE", "LEFT", "AGE", "REASON"}) {
    table.AddColumn(name);
  }
  for (const Job& job : jobs) table.AddRow(RowOf(job));
  return table.Render(colour);
}

std::string JobJson(const Job& job) {
  ordered_json object;
  object["job"] = job.id;
  object["kind"] = client::JobKindName(job.kind);
  object["node"] = job.nodes.empty() ? "" : Visible(job.nodes.front());
  object["nodes"] = ordered_json::array();
  for (const std::string& node : job.nodes) object["nodes"].push_back(Visible(node));
  object["state"] = client::JobStateName(job.state);
  object["done"] = job.copies_done();
  object["total"] = job.copies;
  object["bytes_done"] = job.bytes_done;
  object["bytes_total"] = job.bytes_total();
  object["bytes_per_second"] = job.bytes_per_second;
  object["age_ms"] = Milliseconds(job.age);
  object["left_ms"] = job.left ? ordered_json(Milliseconds(*job.left)) : ordered_json(nullptr);
  object["reason"] = Visible(job.reason);
  object["asked_by"] = Visible(job.asked_by);
  return object.dump() + "\n";
}

std::string JobsJson(const std::vector<Job>& jobs) {
  std::string out;
  for (const Job& job : jobs) out += JobJson(job);
  return out;
}

}  // namespace kvd::kvctl
