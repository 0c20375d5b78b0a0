// Finds room where no direct choice is left. A node may have to give a copy away, or a partition to
// find one more holder, while the nodes with room are all barred (they hold that partition, or
// their zone is full). Then a third node steps aside: it takes the copy and hands on one of its
// own. Such alternating paths are what finds maximum matchings; they always exist here, because the
// shares of quotas.h can be met.
//
// A path may also end at a member without room, if another one with room can cede it the larger
// share. Of all paths it takes the one with the fewest moves of data, counting every hop as one
// more, so that a copy that has to move anyway is preferred over one that could stay.
//
// Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <tuple>
#include <vector>

#include "server/ring/assignment.h"
#include "server/ring/quotas.h"

namespace kvd::ring {

class Reroute {
 public:
  // `before` lists who held each partition in the previous ring. All arguments outlive the search.
  Reroute(const Roster& roster, std::span<const std::vector<MemberIndex>> before, Quotas& quotas,
          Assignment& assignment);

  // Relieves `member` of one copy, or grants it the larger share if somebody can cede that. Along
  // the path every member ends with as many copies as it had, except `member` (one less) and the
  // last (one more). REQUIRES: it holds more than its quota.
  void Relieve(MemberIndex member);

  // Gives `partition` one more holder, likewise. REQUIRES: it is incomplete.
  void Complete(uint32_t partition);

 private:
  // How a member was reached: it takes over `partition`, from `from` or as an additional holder.
  struct Step {
    uint32_t cost;
    uint32_t partition = 0;
    std::optional<MemberIndex> from = std::nullopt;
  };

  void Clear();
  void Reach(MemberIndex member, const Step& step);
  void ExpandMember(MemberIndex member);
  void ExpandZone(ZoneIndex zone, const Step& step);
  void FollowToRoom();
  [[nodiscard]] bool HasRoom(MemberIndex member) const;
  bool FindRoom(MemberIndex member);
  void Apply(MemberIndex last);
  [[nodiscard]] bool HadBefore(uint32_t partition, MemberIndex member) const;

  const Roster& roster_;
  std::span<const std::vector<MemberIndex>> before_;
  Quotas& quotas_;
  Assignment& assignment_;

  // Of one search: the member to be relieved, the cheapest step to each member, and the least cost
  // at which a partition's extra copy was set free.
  std::optional<MemberIndex> root_;
  std::vector<std::optional<Step>> reached_;
  std::vector<std::optional<uint32_t>> freed_;
  using Entry =
      std::tuple<uint32_t, bool, MemberIndex>;  // Cheapest first, and then those with room.
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> frontier_;
};

}  // namespace kvd::ring
