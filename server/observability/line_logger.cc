#include "server/observability/line_logger.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/bytes.h"

namespace kvd::observability {
namespace {

std::string_view LevelName(LogLevel level) {
  constexpr std::array<std::string_view, 5> kNames = {"trace", "debug", "info", "warn", "error"};
  return kNames[static_cast<size_t>(level)];
}

// syslog's priorities, by which the journal sorts.
int PriorityOf(LogLevel level) {
  constexpr std::array kPriorities = {7, 7, 6, 4, 3};
  return kPriorities[static_cast<size_t>(level)];
}

// Values that would break "key=value" apart are quoted.
std::string Field(const std::pair<std::string, std::string>& field) {
  const auto needs_quotes = [](char c) { return c <= ' ' || c == '"' || c == '=' || c > '~'; };
  const bool plain = !field.second.empty() && std::find_if(field.second.begin(), field.second.end(),
                                                           needs_quotes) == field.second.end();
  return field.first + "=" + (plain ? field.second : Quoted(field.second, 1024));
}

// Messages quote peers and the system: what they say must stay on one line, and off the terminal.
std::string OneLine(std::string_view message) {
  std::string text;
  for (const char c : message) {
    const bool is_control = (c >= 0 && c < ' ') || c == '\x7f';
    text += is_control ? fmt::format("\\x{:02x}", c) : std::string(1, c);
  }
  return text;
}

std::string Sentence(const LogLine& line) {
  std::string text = OneLine(line.message);
  std::string_view gap = "  ";
  for (const auto& field : line.fields) {
    text += gap;
    text += Field(field);
    gap = " ";
  }
  return text;
}

std::string Now() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(now),
                     now.time_since_epoch().count() % 1000);
}

StatusOr<std::shared_ptr<spdlog::sinks::sink>> OpenSink(const std::string& file) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    } catch (const spdlog::spdlog_ex& error) {
      return MakeStatus(StatusCode::kFailedPrecondition,
                        fmt::format("open log file {}: {}", file, error.what()));
    }
  }
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  return sink;
}

}  // namespace

std::string FormatLine(const LogLine& line, LineFormat format, const std::string& node,
                       const std::string& when) {
  if (format == LineFormat::kText) {
    return fmt::format("{} {:<5} {} {}  {}", when, LevelName(line.level), node, line.room,
                       Sentence(line));
  }
  if (format == LineFormat::kJournal) {
    return fmt::format("<{}>{} {}  {}", PriorityOf(line.level), node, line.room, Sentence(line));
  }
  nlohmann::ordered_json json = {{"ts", when},
                                 {"level", LevelName(line.level)},
                                 {"node", node},
                                 {"room", line.room},
                                 {"msg", line.message}};
  for (const auto& [key, value] : line.fields) json[key] = value;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

StatusOr<std::unique_ptr<LineLogger>> LineLogger::Open(const Options& options) {
  std::unique_ptr<LineLogger> logger(new LineLogger(options));
  KVD_RETURN_IF_ERROR(logger->Reopen());
  return logger;
}

LineLogger::LineLogger(const Options& options) : options_(options), level_(options.level) {}

LineLogger::~LineLogger() = default;

void LineLogger::Write(const LogLine& line) {
  if (line.level < level_.load(std::memory_order_relaxed)) return;
  const std::string text = FormatLine(line, options_.format, options_.node, Now());
  std::shared_ptr<spdlog::sinks::sink> sink;
  {
    absl::MutexLock lock(&mu_);
    sink = sink_;
  }
  try {
    sink->log(spdlog::details::log_msg("", spdlog::level::info, text));
    sink->flush();
  } catch (const spdlog::spdlog_ex&) {
    // A log that cannot be written must not stop a node that can serve, and there is nobody to
    // tell.
  }
}

Status LineLogger::Reopen() {
  KVD_ASSIGN_OR_RETURN(auto sink, OpenSink(options_.file));
  absl::MutexLock lock(&mu_);
  sink_ = std::move(sink);
  return OkStatus();
}

}  // namespace kvd::observability
