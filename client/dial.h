// Finds out which endpoint answers at all, with plain TCP connections: gRPC's own connecting backs
// off, and waits out endpoints that never answer.
//
// Endpoints are tried in order. The next one starts when the one before has failed, or has been
// silent for a head start; the first that connects wins (after RFC 8305, "happy eyeballs", with
// endpoints for address families). A connection made here is closed again: it was only a question.
//
// Threading: thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/resolve.h"
#include "common/clock.h"
#include "config/host_port.h"

namespace kvd::client {

// What a silent endpoint costs when another one answers.
inline constexpr Duration kHeadStart = std::chrono::milliseconds(150);

struct DialCandidate {
  size_t endpoint = 0;  // Its position in the caller's list.
  config::HostPort at;
};

struct DialOutcome {
  struct Connected {
    size_t endpoint = 0;
    std::string target;  // The address that answered, as gRPC takes it.
  };

  std::optional<Connected> connected;

  // Why, per endpoint that failed: "connection refused", "no answer".
  std::map<size_t, std::string> failures;
};

// Returns with the first connection, when every candidate has failed, or at the deadline.
[[nodiscard]] DialOutcome DialFirst(const std::vector<DialCandidate>& candidates,
                                    Deadline deadline);

}  // namespace kvd::client
