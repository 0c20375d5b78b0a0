#include "tests/simulation/disk.h"

#include "common/check.h"

namespace kvd::simulation {

void Disk::EndBind() {
  KVD_CHECK(binding_underway_.has_value(), "a binding is begun before it is ended");
  binding_ = *binding_underway_;
  binding_underway_.reset();
}

void Disk::Crash(Random& random) {
  log_.Crash(/*tear_last_batch=*/random.Chance(500'000));
  // A database may have flushed by itself.
  store_.Crash(random.Chance(300'000) ? random.Below(20) : 0);
  if (binding_underway_ && random.Chance(500'000)) EndBind();
  binding_underway_.reset();
}

}  // namespace kvd::simulation
