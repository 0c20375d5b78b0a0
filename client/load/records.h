// The records of a load: which numbers there are, and what their keys and values look like.
//
// Every key is a prefix and a number, filled up with zeros to one size; no load touches another
// key. Values are random letters and digits, in which compression finds little.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/random.h"

namespace kvd::load {

// Pure. Threading: immutable.
class RecordFormat {
 public:
  // Digits that the number of a record needs at least: 10^12 records.
  static constexpr size_t kMinDigits = 12;
  static constexpr uint64_t kMaxRecords = 1'000'000'000;

  // What every prefix begins with, so that whoever has no such keys loses none.
  static constexpr std::string_view kRoot = "bench/";

  struct Options {
    std::string prefix = std::string(kRoot);
    size_t key_bytes = 24;  // At least those of the prefix, and kMinDigits.
    size_t value_bytes = 1024;
  };
  explicit RecordFormat(Options options);

  // "bench/000000000000000042".
  [[nodiscard]] std::string Key(uint64_t record) const;

  // One of several thousand values. Lives as long as the format.
  [[nodiscard]] std::string_view Value(Random& random) const;

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  const Options options_;
  std::string letters_;  // Values are windows of it.
};

// How many records there are while some are being inserted.
//
// Threading: thread-safe, by one lock held for a few instructions.
class RecordCount {
 public:
  // Records 0 to `count` - 1 are there.
  explicit RecordCount(uint64_t count) : count_(count), next_(count) {}

  // Every record below is there.
  [[nodiscard]] uint64_t count() const { return count_.load(); }

  // The number of a record to insert, which nobody else inserts. REQUIRES: EndInsert() follows.
  [[nodiscard]] uint64_t BeginInsert() ABSL_LOCKS_EXCLUDED(mu_);

  // What was not inserted, as far as that is known, is to be inserted by somebody else: no number
  // is left out for ever.
  void EndInsert(uint64_t record, bool inserted) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  std::atomic<uint64_t> count_;
  absl::Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_);
  std::set<uint64_t> inserted_ ABSL_GUARDED_BY(mu_);  // Above a number that is not.
  std::vector<uint64_t> again_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::load
