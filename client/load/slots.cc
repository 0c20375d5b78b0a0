#include "client/load/slots.h"

#include "absl/time/time.h"

namespace kvd::load {

bool Slots::Take(Duration patience) {
  const absl::MutexLock lock(&mu_);
  if (!mu_.AwaitWithTimeout(absl::Condition(this, &Slots::HasFree), absl::FromChrono(patience))) {
    return false;
  }
  --free_;
  return true;
}

void Slots::Free() {
  const absl::MutexLock lock(&mu_);
  ++free_;
}

}  // namespace kvd::load
