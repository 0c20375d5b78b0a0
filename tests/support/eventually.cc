#include "tests/support/eventually.h"

#include <thread>

namespace kvd::testing {

bool Eventually(Duration deadline, const std::function<bool()>& predicate) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace kvd::testing
