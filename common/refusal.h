// The protocol's own "no": why an operation was not (known to be) done. Reasons are stable names
// that travel in google.rpc.ErrorInfo (domain "kvd"), in kvctl's JSON and in metrics; they are only
// ever added to. An absent key and a failed condition are answers, not refusals.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/clock.h"

namespace kvd {

enum class Reason : uint8_t {
  kNoMajority,      // The partition cannot be served now.
  kNodeDraining,    // This node is stopping.
  kNodeJoining,     // This node has no topology yet.
  kNotOwner,        // Forwarded once already; metadata hints at the owner.
  kOutcomeUnknown,  // The write may or may not have been applied. The only reason that says so.
  kKeyTooLarge,
  kValueTooLarge,
  kBadRequest,
  kOverloaded,  // Carries retry_after.
  kDiskFull,
  kWrongCluster,
  kWrongNode,
  kNameInUse,
  kNodeRemoved,
  kUnauthenticated,
  kPermissionDenied,
  kDataDamaged,
  kBaseTooOld,    // Nobody can tell any more whether this request id was applied before.
  kStaleRequest,  // The client has called this request id finished.
  kUnsafeChange,  // Of the cluster: it could lose copies or a majority.
  kJobConflict,   // Another job is in the way; metadata names it.
  kNotFound,      // No such node, or no such job. Of a key it is an answer, and no refusal.
  kInternal,
};

// "NO_MAJORITY", as on the wire.
[[nodiscard]] std::string_view ReasonName(Reason reason);
[[nodiscard]] std::optional<Reason> ParseReason(std::string_view name);

std::ostream& operator<<(std::ostream& out, Reason reason);

// A refusal guarantees that the operation was not applied and never will be, unless its reason is
// kOutcomeUnknown.
struct Refusal {
  Reason reason = Reason::kInternal;
  std::string message;                               // One sentence: what, why, what to do.
  std::map<std::string, std::string> metadata = {};  // As documented per reason in kv.proto.
  std::optional<Duration> retry_after = {};

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

}  // namespace kvd
