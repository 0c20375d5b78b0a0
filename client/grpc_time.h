// Deadlines as gRPC takes them, on the monotonic clock: a step of the wall clock moves none.
//
// Pure. Threading: values.
#pragma once

#include <grpc/support/time.h>

#include <chrono>

#include "client/resolve.h"

namespace kvd::client {

inline gpr_timespec ToGrpc(Deadline deadline) {
  if (deadline == Deadline::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto left = deadline - std::chrono::steady_clock::now();
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(nanoseconds, GPR_TIMESPAN));
}

}  // namespace kvd::client
