#include "common/refusal.h"

#include <algorithm>
#include <array>

#include "common/check.h"

namespace kvd {
namespace {

struct Named {
  Reason reason;
  std::string_view name;
};

constexpr std::array kNames = {
    Named{Reason::kNoMajority, "NO_MAJORITY"},
    Named{Reason::kNodeDraining, "NODE_DRAINING"},
    Named{Reason::kNodeJoining, "NODE_JOINING"},
    Named{Reason::kNotOwner, "NOT_OWNER"},
    Named{Reason::kOutcomeUnknown, "OUTCOME_UNKNOWN"},
    Named{Reason::kKeyTooLarge, "KEY_TOO_LARGE"},
    Named{Reason::kValueTooLarge, "VALUE_TOO_LARGE"},
    Named{Reason::kBadRequest, "BAD_REQUEST"},
    Named{Reason::kOverloaded, "OVERLOADED"},
    Named{Reason::kDiskFull, "DISK_FULL"},
    Named{Reason::kWrongCluster, "WRONG_CLUSTER"},
    Named{Reason::kWrongNode, "WRONG_NODE"},
    Named{Reason::kNameInUse, "NAME_IN_USE"},
    Named{Reason::kNodeRemoved, "NODE_REMOVED"},
    Named{Reason::kUnauthenticated, "UNAUTHENTICATED"},
    Named{Reason::kPermissionDenied, "PERMISSION_DENIED"},
    Named{Reason::kDataDamaged, "DATA_DAMAGED"},
    Named{Reason::kBaseTooOld, "BASE_TOO_OLD"},
    Named{Reason::kStaleRequest, "STALE_REQUEST"},
    Named{Reason::kUnsafeChange, "UNSAFE_CHANGE"},
    Named{Reason::kJobConflict, "JOB_CONFLICT"},
    Named{Reason::kNotFound, "NOT_FOUND"},
    Named{Reason::kInternal, "INTERNAL"},
};

}  // namespace

std::string_view ReasonName(Reason reason) {
  const auto* it = std::ranges::find(kNames, reason, &Named::reason);
  KVD_CHECK(it != kNames.end(), "every reason has a name");
  return it->name;
}

std::optional<Reason> ParseReason(std::string_view name) {
  const auto* it = std::ranges::find(kNames, name, &Named::name);
  if (it == kNames.end()) return std::nullopt;
  return it->reason;
}

std::ostream& operator<<(std::ostream& out, Reason reason) {
  return out << ReasonName(reason);
}

}  // namespace kvd
