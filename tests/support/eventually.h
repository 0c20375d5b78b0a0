// Waiting for what becomes true by itself in other processes: the only way in which an integration
// test passes time.
#pragma once

#include <chrono>
#include <functional>

#include "common/clock.h"

namespace kvd::testing {

// Far beyond what anything takes on a loaded machine: reached only by failures.
inline constexpr Duration kPatience = std::chrono::seconds(60);

// Asks again and again until `predicate` holds; false if it did not by `deadline` from now.
[[nodiscard]] bool Eventually(Duration deadline, const std::function<bool()>& predicate);

[[nodiscard]] inline bool Eventually(const std::function<bool()>& predicate) {
  return Eventually(kPatience, predicate);
}

}  // namespace kvd::testing
