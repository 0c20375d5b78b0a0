// From a host and a port to socket addresses. Literal addresses need no look-up; names are looked
// up on a thread of their own, because the system's resolver knows no deadline.
//
// Threading: thread-safe.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/status.h"
#include "config/host_port.h"

namespace kvd::client {

// When an operation must be over; max() is never.
using Deadline = std::chrono::steady_clock::time_point;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  // As gRPC takes it: "ipv4:127.0.0.1:7400", "ipv6:[::1]:7400".
  [[nodiscard]] std::string GrpcTarget() const;
};

// At least one address, in the system's order of preference. Fails with what the resolver says
// ("name or service not known"), or with "no answer from the resolver" at the deadline.
[[nodiscard]] StatusOr<std::vector<SocketAddress>> Resolve(const config::HostPort& at,
                                                           Deadline deadline);

}  // namespace kvd::client
