#include "server/ring/replica_choice.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "common/check.h"
#include "server/ring/quotas.h"
#include "server/ring/reroute.h"

namespace kvd::ring {
namespace {

using Lists = std::vector<std::vector<MemberIndex>>;

// What of `before` may stay under the rule. Where one of several copies must go, it is that of the
// member furthest beyond its share, and rather a follower's than the owner's.
Lists Keep(const Roster& roster, const ZoneRule& rule,
           std::span<const std::vector<MemberIndex>> before) {
  Lists kept(before.begin(), before.end());
  std::vector<uint32_t> held = CountHeld(roster, before);
  const Quotas quotas(roster, rule, static_cast<uint32_t>(before.size()), held);
  for (auto& list : kept) {
    while (rule.Keepable(list) < list.size()) {
      auto worst = list.end();
      for (auto it = list.begin(); it != list.end(); ++it) {
        std::vector<MemberIndex> rest = list;
        rest.erase(rest.begin() + (it - list.begin()));
        if (rule.Keepable(rest) < rule.Keepable(list)) continue;  // Not one of those in the way.
        const auto excess = [&](MemberIndex m) { return int64_t{held[m]} - int64_t{quotas.Of(m)}; };
        if (worst == list.end() || excess(*it) >= excess(*worst)) worst = it;
      }
      KVD_CHECK(worst != list.end(), "a list that breaks the rule has a copy too many");
      --held[*worst];
      list.erase(worst);
    }
  }
  return kept;
}

class ReplicaChoice {
 public:
  ReplicaChoice(const Roster& roster, const ZoneRule& rule,
                std::span<const std::vector<MemberIndex>> before, const Lists& kept)
      : roster_(roster),
        before_(before),
        quotas_(
            Quotas(roster, rule, static_cast<uint32_t>(before.size()), CountHeld(roster, kept))),
        assignment_(roster, rule, kept),
        reroute_(roster, before, quotas_, assignment_),
        zone_room_(roster.zones()) {
    for (MemberIndex member = 0; member < roster_.size(); ++member) {
      zone_room_[roster_.ZoneOf(member)] += Room(member);
    }
  }

  Lists Run() {
    for (MemberIndex member = 0; member < roster_.size(); ++member) ReturnCopies(member);
    for (MemberIndex member = 0; member < roster_.size(); ++member) HandOver(member);
    for (uint32_t partition = 0; partition < assignment_.partitions(); ++partition) Fill(partition);
    for (MemberIndex member = 0; member < roster_.size(); ++member) {
      while (Excess(member) > 0) reroute_.Relieve(member);
    }
    for (uint32_t partition = 0; partition < assignment_.partitions(); ++partition) {
      while (!assignment_.IsComplete(partition)) reroute_.Complete(partition);
    }
    Lists lists(assignment_.partitions());
    for (uint32_t partition = 0; partition < assignment_.partitions(); ++partition) {
      const auto holders = assignment_.HoldersOf(partition);
      lists[partition].assign(holders.begin(), holders.end());
    }
    return lists;
  }

 private:
  [[nodiscard]] uint32_t Room(MemberIndex member) const {
    const uint32_t count = assignment_.CountOf(member);
    return count < quotas_.Of(member) ? quotas_.Of(member) - count : 0;
  }
  [[nodiscard]] uint32_t Excess(MemberIndex member) const {
    const uint32_t count = assignment_.CountOf(member);
    return count > quotas_.Of(member) ? count - quotas_.Of(member) : 0;
  }
  [[nodiscard]] bool HadBefore(uint32_t partition, MemberIndex member) const {
    const auto& list = before_[partition];
    return std::find(list.begin(), list.end(), member) != list.end();
  }

  void Take(uint32_t partition, MemberIndex member) {
    assignment_.Add(partition, member);
    --zone_room_[roster_.ZoneOf(member)];
  }

  void TakeOver(uint32_t partition, MemberIndex from, MemberIndex to) {
    assignment_.Exchange(partition, from, to);
    --zone_room_[roster_.ZoneOf(to)];
  }

  // Gives a member with excess the chance to hand copies to those who had them before: such a move
  // costs nothing.
  void ReturnCopies(MemberIndex from) {
    if (Excess(from) == 0) return;
    const std::vector<uint32_t> held(assignment_.HeldBy(from).begin(),
                                     assignment_.HeldBy(from).end());
    for (const uint32_t partition : held) {
      for (const MemberIndex to : before_[partition]) {
        if (Excess(from) == 0) return;
        if (Room(to) == 0 || !assignment_.Exchangeable(partition, from, to)) continue;
        TakeOver(partition, from, to);
        break;
      }
    }
  }

  // Hands a member's excess to members with room.
  void HandOver(MemberIndex from) {
    if (Excess(from) == 0) return;
    std::vector<MemberIndex> takers;
    for (MemberIndex member = 0; member < roster_.size(); ++member) {
      if (Room(member) > 0) takers.push_back(member);
    }
    for (const uint32_t partition : OrderToGive(from)) {
      if (Excess(from) == 0) return;
      const auto to = Best(partition, takers, [&](MemberIndex member) {
        return assignment_.Exchangeable(partition, from, member);
      });
      if (to) TakeOver(partition, from, *to);
    }
  }

  // What `from` holds: first partitions it does not own, so that owners stay, and of those first
  // the ones it shares with the companion it shares most with, so that companions stay mixed.
  [[nodiscard]] std::vector<uint32_t> OrderToGive(MemberIndex from) const {
    std::vector<std::tuple<uint64_t, uint32_t>> scattered;
    for (const uint32_t partition : assignment_.HeldBy(from)) {
      scattered.emplace_back(roster_.Scatter(partition, from), partition);
    }
    std::sort(scattered.begin(), scattered.end());
    std::vector<uint32_t> shared(roster_.size());
    std::vector<std::tuple<bool, uint32_t, uint64_t, uint32_t>> order;
    for (const auto& [scatter, partition] : scattered) {
      const auto& list = before_[partition];
      const bool owned = !list.empty() && list.front() == from;
      const uint32_t nth = ++shared[Companion(partition, from)];
      order.emplace_back(owned, ~nth, scatter, partition);
    }
    std::sort(order.begin(), order.end());
    std::vector<uint32_t> partitions;
    for (const auto& entry : order) partitions.push_back(std::get<3>(entry));
    return partitions;
  }

  // The first other holder in ring order; the member itself if there is none.
  [[nodiscard]] MemberIndex Companion(uint32_t partition, MemberIndex member) const {
    for (const MemberIndex other : before_[partition]) {
      if (other != member) return other;
    }
    return member;
  }

  // Completes a partition as far as members with room can.
  void Fill(uint32_t partition) {
    while (!assignment_.IsComplete(partition)) {
      const auto member = BestInBestZone(partition);
      if (!member) return;
      Take(partition, *member);
    }
  }

  // The zone with most room first: always taking from the largest is what never gets stuck when
  // rows and columns of a table of zeros and ones are given (Gale and Ryser, 1957).
  [[nodiscard]] std::optional<MemberIndex> BestInBestZone(uint32_t partition) const {
    std::optional<MemberIndex> best;
    uint64_t best_room = 1;
    for (ZoneIndex zone = 0; zone < roster_.zones(); ++zone) {
      if (zone_room_[zone] < best_room || !assignment_.AdmitsZone(partition, zone)) continue;
      const auto member = Best(partition, roster_.MembersOf(zone), [&](MemberIndex candidate) {
        return !assignment_.Holds(partition, candidate);
      });
      if (!member) continue;
      if (best && zone_room_[zone] == best_room && !Suits(partition, *member, *best)) continue;
      best = member;
      best_room = zone_room_[zone];
    }
    return best;
  }

  // The member with most room, and among equals the one who suits best.
  template <typename Allowed>
  [[nodiscard]] std::optional<MemberIndex> Best(uint32_t partition,
                                                std::span<const MemberIndex> candidates,
                                                const Allowed& allowed) const {
    std::optional<MemberIndex> best;
    uint32_t best_room = 1;
    Suitability best_suits;
    for (const MemberIndex member : candidates) {
      const uint32_t room = Room(member);
      if (room < best_room || !allowed(member)) continue;
      const Suitability suits = SuitabilityOf(partition, member);
      const bool better = !best || room > best_room || suits < best_suits ||
                          (suits == best_suits && ScattersBefore(partition, member, *best));
      if (!better) continue;
      best = member;
      best_room = room;
      best_suits = suits;
    }
    return best;
  }

  // Smaller is better: the member held the partition before, or shares few with its other holders.
  using Suitability = std::pair<bool, uint64_t>;
  [[nodiscard]] Suitability SuitabilityOf(uint32_t partition, MemberIndex member) const {
    return {!HadBefore(partition, member), assignment_.Acquaintance(partition, member)};
  }

  // Breaks ties differently for every partition.
  [[nodiscard]] bool ScattersBefore(uint32_t partition, MemberIndex a, MemberIndex b) const {
    return roster_.Scatter(partition, a) < roster_.Scatter(partition, b);
  }

  // True if `a` is to be preferred to `b`, both having as much room.
  [[nodiscard]] bool Suits(uint32_t partition, MemberIndex a, MemberIndex b) const {
    const Suitability suits_a = SuitabilityOf(partition, a);
    const Suitability suits_b = SuitabilityOf(partition, b);
    return suits_a == suits_b ? ScattersBefore(partition, a, b) : suits_a < suits_b;
  }

  const Roster& roster_;
  std::span<const std::vector<MemberIndex>> before_;
  Quotas quotas_;
  Assignment assignment_;
  Reroute reroute_;
  std::vector<uint64_t> zone_room_;  // The copies a zone's members have yet to take.
};

}  // namespace

Lists ChooseReplicas(const Roster& roster, const ZoneRule& rule,
                     std::span<const std::vector<MemberIndex>> before) {
  const Lists kept = Keep(roster, rule, before);
  return ReplicaChoice(roster, rule, before, kept).Run();
}

}  // namespace kvd::ring
