#include "server/ring/quotas.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::ring {
namespace {

// Shares zones out like connected vessels: each wants `level` per node, within what its rule
// allows.
class Vessels {
 public:
  Vessels(const Roster& roster, const ZoneRule& rule, uint32_t partitions)
      : roster_(roster), rule_(rule), partitions_(partitions) {}

  [[nodiscard]] uint64_t Content(ZoneIndex zone, uint64_t level) const {
    const uint64_t least = uint64_t{rule_.Low(zone)} * partitions_;
    const uint64_t most = uint64_t{rule_.High(zone)} * partitions_;
    return std::clamp(level * roster_.MembersOf(zone).size(), least, most);
  }

  // The highest level at which everything poured in suffices.
  [[nodiscard]] uint64_t FullLevel() const {
    uint64_t enough = 0;
    uint64_t too_high = uint64_t{partitions_} + 1;
    while (too_high - enough > 1) {
      const uint64_t level = enough + (too_high - enough) / 2;
      (Content(level) <= total() ? enough : too_high) = level;
    }
    return enough;
  }

  [[nodiscard]] uint64_t Content(uint64_t level) const {
    uint64_t sum = 0;
    for (ZoneIndex zone = 0; zone < roster_.zones(); ++zone) sum += Content(zone, level);
    return sum;
  }

  [[nodiscard]] uint64_t total() const { return uint64_t{rule_.copies()} * partitions_; }

 private:
  const Roster& roster_;
  const ZoneRule& rule_;
  uint32_t partitions_;
};

// How many members of `zone` hold more than `share`.
uint64_t Holders(const Roster& roster, ZoneIndex zone, uint64_t share,
                 std::span<const uint32_t> held) {
  const auto members = roster.MembersOf(zone);
  return static_cast<uint64_t>(std::count_if(
      members.begin(), members.end(), [&](MemberIndex member) { return held[member] > share; }));
}

// Splits a zone's total evenly; the larger shares go to the members holding most.
void Split(std::span<const MemberIndex> members, uint64_t total, std::span<const uint32_t> held,
           std::vector<uint32_t>& quotas) {
  std::vector<MemberIndex> order(members.begin(), members.end());
  std::stable_sort(order.begin(), order.end(),
                   [&](MemberIndex a, MemberIndex b) { return held[a] > held[b]; });
  const uint64_t share = total / order.size();
  const uint64_t larger = total % order.size();
  for (size_t i = 0; i < order.size(); ++i) {
    quotas[order[i]] = static_cast<uint32_t>(share + (i < larger ? 1 : 0));
  }
}

}  // namespace

Quotas::Quotas(const Roster& roster, const ZoneRule& rule, uint32_t partitions,
               std::span<const uint32_t> held)
    : roster_(roster), quotas_(roster.size()) {
  const Vessels vessels(roster, rule, partitions);
  const uint64_t level = vessels.FullLevel();
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    const uint64_t least = vessels.Content(zone, level);
    zones_.push_back({.least = least,
                      .most = vessels.Content(zone, level + 1),
                      .total = least,
                      .small = least / roster.MembersOf(zone).size()});
  }
  uint64_t left = vessels.total() - vessels.Content(level);

  // One more for members who hold it already, and then for whoever may.
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    Zone& z = zones_[zone];
    const uint64_t size = roster.MembersOf(zone).size();
    const uint64_t useful = z.small * size + Holders(roster, zone, z.small, held);
    const uint64_t limit = std::clamp(useful, z.total, z.most);
    const uint64_t more = std::min(left, limit - z.total);
    z.total += more;
    left -= more;
  }
  for (ZoneIndex zone = 0; left > 0; zone = (zone + 1) % roster.zones()) {
    if (zones_[zone].total == zones_[zone].most) continue;
    ++zones_[zone].total;
    --left;
  }
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    Split(roster.MembersOf(zone), zones_[zone].total, held, quotas_);
  }
}

bool Quotas::Shiftable(MemberIndex from, MemberIndex to) const {
  const Zone& giver = zones_[roster_.ZoneOf(from)];
  const Zone& taker = zones_[roster_.ZoneOf(to)];
  if (quotas_[from] == giver.small || quotas_[to] > taker.small) return false;
  return &giver == &taker || (giver.total > giver.least && taker.total < taker.most);
}

void Quotas::Shift(MemberIndex from, MemberIndex to) {
  KVD_CHECK(Shiftable(from, to), "shares stay fair");
  --zones_[roster_.ZoneOf(from)].total;
  ++zones_[roster_.ZoneOf(to)].total;
  --quotas_[from];
  ++quotas_[to];
}

}  // namespace kvd::ring
