// The operator's log: one line per event, as text for people, JSON for machines, or for the
// journal.
//
//   2026-11-22T08:31:02.114Z warn  n1 heartbeat  peer suspected, silent  peer=n3 silent_ms=312
//   {"ts":"2026-11-22T08:31:02.114Z","level":"warn","node":"n1","room":"heartbeat","msg":"...",...}
//
// Threading: thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/log.h"
#include "common/status.h"

namespace spdlog::sinks {
class sink;
}  // namespace spdlog::sinks

namespace kvd::observability {

enum class LineFormat : uint8_t { kText, kJson, kJournal };

// One line without its end, as of `when` ("2026-11-22T08:31:02.114Z").
[[nodiscard]] std::string FormatLine(const LogLine& line, LineFormat format,
                                     const std::string& node, const std::string& when);

class LineLogger final : public Logger {
 public:
  struct Options {
    std::string node;
    LineFormat format = LineFormat::kText;
    LogLevel level = LogLevel::kInfo;
    std::string file;  // Empty: stderr.
  };

  // Fails if the file cannot be opened for appending.
  [[nodiscard]] static StatusOr<std::unique_ptr<LineLogger>> Open(const Options& options);
  ~LineLogger() override;

  void Write(const LogLine& line) override;
  void SetLevel(LogLevel level) { level_ = level; }

  // Opens the file anew, after it was moved away. On failure the old one stays in use.
  [[nodiscard]] Status Reopen() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  explicit LineLogger(const Options& options);

  const Options options_;
  std::atomic<LogLevel> level_;
  absl::Mutex mu_;
  std::shared_ptr<spdlog::sinks::sink> sink_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::observability
