// A raw connect(): whether anybody listens at an address, at once. gRPC's own reconnecting has a
// floor of back-off; this has none.
//
// Threading: thread-safe; blocks for up to `timeout` (and for the resolver, if the host is a name).
#pragma once

#include <string>

#include "common/clock.h"

namespace kvd::rpc {

enum class Probe : uint8_t {
  kConnected,
  kRefused,      // The host is there, and nobody listens.
  kUnreachable,  // No answer in time, no route, no such name.
};

// `address`: host:port or [v6]:port.
[[nodiscard]] Probe ProbeAddress(const std::string& address, Duration timeout);

}  // namespace kvd::rpc
