// What makes a retry safe (after RIFL, Lee et al., SOSP 2015): a name for one operation of one
// client, under which a partition applies it at most once.
//
// Pure values.
#pragma once

#include <compare>
#include <cstdint>

#include "common/types.h"

namespace kvd::partition {

struct RequestId {
  uint64_t client = 0;    // Drawn at random, once per client.
  uint64_t sequence = 0;  // From 1, counted up by the client.

  // Every sequence of this client below this one is finished for it: its record may be forgotten.
  uint64_t done_below = 0;

  // The partition's index the client knew when it first sent the operation. If records that old
  // have been forgotten meanwhile, nobody can tell whether this is a retry, and it is refused.
  Index base = 0;

  friend auto operator<=>(const RequestId&, const RequestId&) = default;
};

}  // namespace kvd::partition
