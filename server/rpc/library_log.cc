#include "server/rpc/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"

namespace kvd::rpc {
namespace {

using std::chrono::steady_clock;

// Both libraries take a plain function, so where it writes is a fact of the process.
std::atomic<Logger*> destination = nullptr;

// When protobuf may speak again, and what it said in between.
std::atomic<steady_clock::rep> silent_until = steady_clock::duration::min().count();
std::atomic<uint64_t> left_out = 0;

using Fields = std::vector<std::pair<std::string, std::string>>;

void Write(LogLevel level, std::string message, Fields fields) {
  Logger* logger = destination.load();
  if (logger == nullptr) return;
  while (!message.empty() && (message.back() == ' ' || message.back() == '\n')) message.pop_back();
  logger->Write({level, "rpc", std::move(message), std::move(fields)});
}

void OnProtobuf(google::protobuf::LogLevel level, const char* /*file*/, int /*line*/,
                const std::string& message) {
  const auto now = steady_clock::now().time_since_epoch().count();
  auto until = silent_until.load();
  const auto next = now + steady_clock::duration(std::chrono::seconds(1)).count();
  const bool fatal = level == google::protobuf::LOGLEVEL_FATAL;
  if (!fatal && (now < until || !silent_until.compare_exchange_strong(until, next))) {
    ++left_out;
    return;
  }
  Write(fatal ? LogLevel::kError : LogLevel::kWarn, "protobuf: " + message,
        {{"left_out", std::to_string(left_out.exchange(0))}});
}

void OnGrpc(gpr_log_func_args* args) {
  const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? LogLevel::kError
                     : args->severity == GPR_LOG_SEVERITY_INFO ? LogLevel::kInfo
                                                               : LogLevel::kDebug;
  Write(level, std::string("grpc: ") + args->message,
        {{"file", args->file}, {"line", std::to_string(args->line)}});
}

}  // namespace

LibraryLog::LibraryLog(Logger& logger) {
  KVD_CHECK(destination.exchange(&logger) == nullptr, "a second log for the libraries");
  google::protobuf::SetLogHandler(OnProtobuf);
  gpr_set_log_function(OnGrpc);
}

LibraryLog::~LibraryLog() {
  destination = nullptr;
}

}  // namespace kvd::rpc
