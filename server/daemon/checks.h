// Whether this node lives, and whether it is whole: what stands behind /livez and /readyz.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "server/daemon/node_probe.h"
#include "server/observability/http_message.h"

namespace kvd::daemon {

struct Check {
  std::string_view name;
  std::string wrong = {};  // Why it fails; empty: it does not.
};

// "node": the shard answers. Says nothing of any other node. `facts`: what the probe said, which
// waited for `patience`.
[[nodiscard]] std::vector<Check> CheckLife(const std::optional<NodeFacts>& facts,
                                           Duration patience);

// Entries that a replica may lack and still count as caught up: what is underway to it all the time
// where there is load.
inline constexpr uint64_t kUnderway = 1000;

// Whether the next node of a rolling restart may be stopped. Only "node", if that fails; else also
//   member     founded, or has joined
//   serving    not draining
//   replicas   every replica that the ring wants here is here
//   owners     every replica here has an owner within reach
//   caught_up  as far as those owners say, the replicas here lack nothing but what is underway
[[nodiscard]] std::vector<Check> CheckReadiness(const std::optional<NodeFacts>& facts,
                                                Duration patience);

// 200 if no check fails, else 503. The text names what fails, or all checks if `verbose`; its last
// line is `word` or "not `word`".
[[nodiscard]] observability::HttpResponse Report(std::string_view word,
                                                 const std::vector<Check>& checks, bool verbose);

}  // namespace kvd::daemon
