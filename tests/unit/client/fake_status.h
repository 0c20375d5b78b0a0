// A refusal as kvd sends it.
//
// Pure. Threading: values.
#pragma once

#include <grpcpp/support/status.h>

#include "common/refusal.h"

namespace kvd::client {

[[nodiscard]] grpc::Status ToStatus(const Refusal& refusal);

}  // namespace kvd::client
