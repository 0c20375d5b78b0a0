#include "client/kvctl/bench_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "common/bytes.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

constexpr uint64_t kMaxKeyBytes = 4096;
constexpr uint64_t kMaxPerSecond = 10'000'000;
constexpr Duration kLongest = std::chrono::hours(24 * 7);

class Maker {
 public:
  explicit Maker(const CommandLine& line) : line_(line) {}

  std::variant<BenchPlan, Failure> Run() {
    TakeWorkload();
    TakeKeys();
    TakeRecords();
    TakeFormat();
    TakeCallers();
    TakePace();
    TakePhases();
    if (failure_) return *std::move(failure_);
    return std::move(plan_);
  }

 private:
  void Fail(std::string message) {
    if (!failure_) failure_ = UsageFailure(std::move(message));
  }

  // The value of `result`; nullopt, and a failure, if it is an error.
  template <typename T>
  std::optional<T> Check(std::string_view option, StatusOr<T> result) {
    if (result.ok()) return *std::move(result);
    Fail(fmt::format("--{}: {}", option, Message(result.status())));
    return std::nullopt;
  }

  void TakeWorkload() {
    const std::string* mix = line_.Value("mix");
    const std::string* name = line_.Value("workload");
    if (mix != nullptr) {
      if (name != nullptr && *name != "mix") {
        return Fail("--workload and --mix are two mixes; give one");
      }
      if (auto parsed = Check("mix", load::Mix::Parse(*mix))) {
        plan_.workload = {.name = "mix", .mix = *parsed, .choice = load::Choice::kZipf};
      }
    } else if (name != nullptr) {
      if (*name == "mix") return Fail("--workload mix needs its shares: --mix read=80,update=20");
      if (auto parsed = Check("workload", load::ParseWorkload(*name))) plan_.workload = *parsed;
    }
  }

  void TakeKeys() {
    const std::string* keys = line_.Value("keys");
    if (keys == nullptr) return;
    if (auto choice = Check("keys", load::ParseChoice(*keys))) plan_.workload.choice = *choice;
  }

  // A whole number from `min` to `max`.
  std::optional<uint64_t> TakeNumber(std::string_view option, uint64_t min, uint64_t max) {
    const std::string* text = line_.Value(option);
    return text == nullptr ? std::nullopt : NumberIn(option, *text, min, max);
  }

  std::optional<uint64_t> NumberIn(std::string_view option, const std::string& text, uint64_t min,
                                   uint64_t max) {
    auto number = Check(option, config::ParseNumber(text));
    if (!number || (*number >= min && *number <= max)) return number;
    Fail(fmt::format("--{}: {} is not from {} to {}", option, *number, min, max));
    return std::nullopt;
  }

  void TakeRecords() {
    if (auto records = TakeNumber("records", 1, load::RecordFormat::kMaxRecords)) {
      plan_.records = *records;
    }
    if (auto seed = TakeNumber("seed", 0, UINT64_MAX)) plan_.seed = *seed;
  }

  void TakeFormat() {
    load::RecordFormat::Options& format = plan_.format;
    if (const std::string* prefix = line_.Value("prefix")) format.prefix = *prefix;
    const size_t least = format.prefix.size() + load::RecordFormat::kMinDigits;
    if (!format.prefix.starts_with(load::RecordFormat::kRoot)) {
      return Fail(
          fmt::format("--prefix: {} does not begin with {}, which keeps your own keys apart",
                      config::InQuotes(format.prefix), load::RecordFormat::kRoot));
    }
    if (least > kMaxKeyBytes) return Fail("--prefix is too long for a key");
    format.key_bytes = std::max(format.key_bytes, least);
    if (auto size = TakeSize("key-size")) {
      if (*size < least || *size > kMaxKeyBytes) {
        return Fail(fmt::format("--key-size: {} is not from {} (the prefix and {} digits) to {}",
                                *size, least, load::RecordFormat::kMinDigits, kMaxKeyBytes));
      }
      format.key_bytes = *size;
    }
    if (auto size = TakeSize("value-size")) {
      if (*size > client::kMaxValueBytes) return FailTooLarge(*size);
      format.value_bytes = *size;
    }
  }

  std::optional<uint64_t> TakeSize(std::string_view option) {
    const std::string* text = line_.Value(option);
    return text == nullptr ? std::nullopt : Check(option, config::ParseSize(*text));
  }

  void FailTooLarge(uint64_t size) {
    if (failure_) return;
    failure_ = {
        .exit_code = ExitCode::kLimit,
        .reason = "VALUE_TOO_LARGE",
        .message = fmt::format("--value-size is {}, no cluster takes more than {}",
                               FormatBytesBeside(size, client::kMaxValueBytes),
                               FormatBytes(client::kMaxValueBytes)),
        .metadata = {{"field", "value"}, {"limit", std::to_string(client::kMaxValueBytes)}}};
  }

  void TakeCallers() {
    plan_.pipelined = line_.Has("pipeline");
    const std::string* text = line_.Value("threads");
    if (text == nullptr) return;
    plan_.callers.clear();
    for (size_t at = 0; at <= text->size() && !failure_;) {
      const size_t comma = std::min(text->find(',', at), text->size());
      const auto count = NumberIn("threads", text->substr(at, comma - at), 1, load::kMaxCallers);
      plan_.callers.push_back(count.value_or(1));
      at = comma + 1;
    }
  }

  void TakePace() {
    plan_.per_second = TakeNumber("rate", 1, kMaxPerSecond);
    const std::string* text = line_.Value("duration");
    if (text == nullptr) return;
    const auto length = Check("duration", config::ParseDuration(*text));
    if (!length) return;
    if (*length <= Duration::zero() || *length > kLongest) {
      return Fail(fmt::format("--duration: {} is not from 1ns to {}",
                              config::FormatDuration(*length), config::FormatDuration(kLongest)));
    }
    plan_.length = *length;
  }

  void TakePhases() {
    plan_.loads = !line_.Has("no-load");
    plan_.runs = !line_.Has("no-run");
    plan_.cleans = line_.Has("clean");
    if (!plan_.loads && !plan_.runs && !plan_.cleans) {
      Fail("--no-load --no-run leaves nothing to do; --clean would delete the records");
    }
  }

  const CommandLine& line_;
  BenchPlan plan_{.workload = *load::ParseWorkload("a")};
  std::optional<Failure> failure_;
};

}  // namespace

load::RunOptions BenchPlan::RunWith(size_t some_callers) const {
  return {.workload = workload,
          .callers = some_callers,
          .per_second = per_second,
          .length = length,
          .seed = seed};
}

std::variant<BenchPlan, Failure> MakeBenchPlan(const CommandLine& line) {
  return Maker(line).Run();
}

}  // namespace kvd::kvctl
