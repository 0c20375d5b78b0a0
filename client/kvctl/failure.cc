#include "client/kvctl/failure.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/kvctl/layout.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

using nlohmann::ordered_json;

std::string ReasonOf(const client::Error& error) {
  if (error.reason) return std::string(ReasonName(*error.reason));
  switch (error.kind) {
    case client::ErrorKind::kBadRequest:
      return "USAGE";
    case client::ErrorKind::kUnreachable:
      return "UNREACHABLE";
    case client::ErrorKind::kTimedOut:
      return "TIMED_OUT";
    case client::ErrorKind::kOutcomeUnknown:
      return "OUTCOME_UNKNOWN";
    case client::ErrorKind::kRefused:
    case client::ErrorKind::kFault:
      return "INTERNAL";
  }
  return "INTERNAL";
}

// The metadata that the protocol defines as numbers; an owner called "7" stays a string.
bool IsNumeric(const std::string& field) {
  constexpr std::array kFields = {"actual_version", "base",      "done_below", "epoch", "job",
                                  "limit",          "partition", "replica",    "term"};
  return std::ranges::find(kFields, field) != kFields.end();
}

}  // namespace

Failure UsageFailure(std::string message) {
  return {.exit_code = ExitCode::kUsage, .reason = "USAGE", .message = std::move(message)};
}

Failure FromError(const client::Error& error) {
  Failure failure{.exit_code = ExitCodeOf(error),
                  .reason = ReasonOf(error),
                  .message = error.message,
                  .metadata = error.metadata};
  if (failure.exit_code == ExitCode::kOutcomeUnknown) {
    const auto id = error.metadata.find("request_id");
    failure.message += id == error.metadata.end() ? ". Read the key to find out"
                                                  : ". To retry safely: --request-id " + id->second;
  }
  // What newcomers see first.
  if (error.message.ends_with("connection refused")) {
    failure.message += ". Is kvd running? Try: kvd --dev";
  }
  return failure;
}

std::string FailureText(const Failure& failure, bool colour) {
  return Paint("kvctl:", Tint::kRed, colour) + " " + Visible(failure.message) + "\n";
}

std::string FailureJson(const Failure& failure) {
  ordered_json error;
  error["reason"] = failure.reason;
  error["message"] = Visible(failure.message);
  error["exit_code"] = static_cast<int>(failure.exit_code);
  for (const auto& [field, value] : failure.metadata) {
    if (error.contains(field)) continue;
    const auto number = config::ParseNumber(value);
    if (IsNumeric(field) && number.ok()) {
      error[field] = *number;
    } else {
      error[Visible(field)] = Visible(value);
    }
  }
  return ordered_json{{"error", error}}.dump() + "\n";
}

}  // namespace kvd::kvctl
