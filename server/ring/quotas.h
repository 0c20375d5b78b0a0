// The fair share of every node: how many copies it will hold in the finished ring. Fixing the
// shares first is what makes counts exact: any shares made here can be met (each partition can take
// q/P of every node's share q as a fraction, and flows with integer bounds have integer solutions).
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/ring/zone_rule.h"

namespace kvd::ring {

class Quotas {
 public:
  // Shares out rule.copies() * partitions copies. Where rounding leaves a choice, the larger share
  // goes to members who hold (`held`) that much already: it is a move saved.
  Quotas(const Roster& roster, const ZoneRule& rule, uint32_t partitions,
         std::span<const uint32_t> held);

  [[nodiscard]] uint32_t Of(MemberIndex member) const { return quotas_[member]; }

  // True if the shares are as fair when `to` has the larger share instead of `from`.
  [[nodiscard]] bool Shiftable(MemberIndex from, MemberIndex to) const;

  // REQUIRES: Shiftable(from, to).
  void Shift(MemberIndex from, MemberIndex to);

 private:
  struct Zone {
    uint64_t least;  // What its members hold in all is in this range
    uint64_t most;
    uint64_t total;  // and now this;
    uint64_t small;  // each of them holds this or one more.
  };

  const Roster& roster_;
  std::vector<Zone> zones_;
  std::vector<uint32_t> quotas_;  // By member.
};

}  // namespace kvd::ring
