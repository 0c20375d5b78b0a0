#include "client/load/key_choice.h"

#include "common/check.h"

namespace kvd::load {
namespace {

constexpr uint64_t kScatteredItems = 10'000'000'000;

}  // namespace

KeyChoice::KeyChoice(Choice choice, uint64_t records)
    : choice_(choice),
      records_(records),
      zipf_(choice == Choice::kLatest ? records : kScatteredItems) {
  KVD_CHECK_OP(>, records, uint64_t{0});
}

uint64_t KeyChoice::Pick(uint64_t count, Random& random) {
  switch (choice_) {
    case Choice::kUniform:
      return random.Below(count);
    case Choice::kZipf:
      return Scatter(zipf_.Draw(random)) % records_;
    case Choice::kLatest:
      // A curve for one in a hundred fewer is the same to the eye, and not made anew per insert.
      if (count > zipf_.items() + zipf_.items() / 100) zipf_ = Zipf(count);
      return count - 1 - zipf_.Draw(random);
  }
  return 0;
}

uint64_t Scatter(uint64_t number) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (int byte = 0; byte < 8; ++byte) {
    hash = (hash ^ (number & 0xffU)) * 0x100000001b3U;
    number >>= 8U;
  }
  return hash;
}

}  // namespace kvd::load
