// One line of the operator's log, as a value. Pure rooms return lines among their effects; rooms
// that live in time write them to a Logger. Where lines go and what they look like is decided by
// observability.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvd {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

// An event in lower case with its reason ("peer suspected, silent for three average gaps"), and the
// facts as key=value. Stored keys and values never appear in either.
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string_view room;  // A literal: the room that speaks.
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};

// Threading: thread-safe.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void Write(const LogLine& line) = 0;
};

}  // namespace kvd
