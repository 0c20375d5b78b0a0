#include "client/load/records.h"

#include <fmt/format.h>

#include <utility>

#include "common/check.h"

namespace kvd::load {
namespace {

constexpr size_t kValues = 4096;

std::string RandomLetters(size_t count) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Random random(/*seed=*/1);
  std::string letters;
  letters.reserve(count);
  for (size_t i = 0; i < count; ++i) letters += kAlphabet[random.Below(kAlphabet.size())];
  return letters;
}

}  // namespace

RecordFormat::RecordFormat(Options options)
    : options_(std::move(options)), letters_(RandomLetters(options_.value_bytes + kValues)) {
  KVD_CHECK_OP(>=, options_.key_bytes, options_.prefix.size() + kMinDigits);
}

std::string RecordFormat::Key(uint64_t record) const {
  return fmt::format("{}{:0{}}", options_.prefix, record,
                     options_.key_bytes - options_.prefix.size());
}

std::string_view RecordFormat::Value(Random& random) const {
  return std::string_view(letters_).substr(random.Below(kValues), options_.value_bytes);
}

uint64_t RecordCount::BeginInsert() {
  const absl::MutexLock lock(&mu_);
  if (again_.empty()) return next_++;
  const uint64_t record = again_.back();
  again_.pop_back();
  return record;
}

void RecordCount::EndInsert(uint64_t record, bool inserted) {
  const absl::MutexLock lock(&mu_);
  if (!inserted) return again_.push_back(record);
  inserted_.insert(record);
  uint64_t count = count_.load();
  while (!inserted_.empty() && *inserted_.begin() == count) {
    inserted_.erase(inserted_.begin());
    ++count;
  }
  count_.store(count);
}

}  // namespace kvd::load
