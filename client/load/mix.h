// How often each kind of operation comes, in percent.
//
// Pure. Threading: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/load/operation.h"
#include "common/random.h"
#include "common/status.h"

namespace kvd::load {

class Mix {
 public:
  // By kind, in the order of kKinds. REQUIRES: they sum to 100.
  using Shares = std::array<uint32_t, kKinds.size()>;
  explicit Mix(Shares shares);

  // "read=80,update=20": kinds by name, each once, whole percents that sum to 100. Errors say what
  // is wrong and what was probably meant; scans are refused, because kvd has none.
  [[nodiscard]] static StatusOr<Mix> Parse(std::string_view text);

  [[nodiscard]] Kind Pick(Random& random) const;

  // 0 to 100.
  [[nodiscard]] uint32_t share(Kind kind) const { return shares_[static_cast<size_t>(kind)]; }
  [[nodiscard]] bool Has(Kind kind) const { return share(kind) > 0; }

  // "95% read 5% update".
  [[nodiscard]] std::string ToString() const;

  friend bool operator==(const Mix&, const Mix&) = default;

 private:
  Shares shares_;
};

// Why there are no scans, for whoever asks for them.
inline constexpr std::string_view kNoScans =
    "kvd has no scans: keys are placed by their hash, so no node knows which key comes next";

}  // namespace kvd::load
