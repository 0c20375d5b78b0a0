#include "server/ring/reroute.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::ring {

Reroute::Reroute(const Roster& roster, std::span<const std::vector<MemberIndex>> before,
                 Quotas& quotas, Assignment& assignment)
    : roster_(roster), before_(before), quotas_(quotas), assignment_(assignment) {}

void Reroute::Relieve(MemberIndex member) {
  if (FindRoom(member)) return;
  Clear();
  root_ = member;
  reached_[member] = Step{.cost = 0};
  ExpandMember(member);
  FollowToRoom();
}

void Reroute::Complete(uint32_t partition) {
  Clear();
  for (ZoneIndex zone = 0; zone < roster_.zones(); ++zone) {
    if (!assignment_.AdmitsZone(partition, zone)) continue;
    ExpandZone(zone, Step{.cost = 0, .partition = partition});
  }
  FollowToRoom();
}

void Reroute::Clear() {
  root_.reset();
  reached_.assign(roster_.size(), std::nullopt);
  freed_.assign(assignment_.partitions(), std::nullopt);
  frontier_ = {};
}

void Reroute::FollowToRoom() {
  while (!frontier_.empty()) {
    const auto [cost, full, member] = frontier_.top();
    frontier_.pop();
    if (cost > reached_[member]->cost) continue;  // Reached more cheaply since.
    if (HasRoom(member) || FindRoom(member)) return Apply(member);
    ExpandMember(member);
  }
  KVD_CHECK(false, "fair shares can always be met");
}

bool Reroute::HasRoom(MemberIndex member) const {
  return assignment_.CountOf(member) < quotas_.Of(member);
}

// Raises the member's share at the expense of one that does not need it.
bool Reroute::FindRoom(MemberIndex member) {
  for (MemberIndex other = 0; other < roster_.size(); ++other) {
    if (!HasRoom(other) || !quotas_.Shiftable(other, member)) continue;
    quotas_.Shift(other, member);
    return true;
  }
  return false;
}

// Keeps the cheapest step. On a tie the first stands, which keeps paths free of loops.
void Reroute::Reach(MemberIndex member, const Step& step) {
  auto& reached = reached_[member];
  if (reached && reached->cost <= step.cost) return;
  reached = step;
  frontier_.emplace(step.cost, !HasRoom(member), member);
}

// Hands on each of the member's copies: within its zone, or to any zone that may take the extra
// one.
void Reroute::ExpandMember(MemberIndex member) {
  const uint32_t cost = reached_[member]->cost;
  const ZoneIndex zone = roster_.ZoneOf(member);
  for (const uint32_t partition : assignment_.HeldBy(member)) {
    const Step step{.cost = cost + (HadBefore(partition, member) ? 1 : 0),
                    .partition = partition,
                    .from = member};
    ExpandZone(zone, step);
    if (!assignment_.CanLeaveZone(partition, zone)) continue;
    auto& freed = freed_[partition];
    if (freed && *freed <= step.cost) continue;
    freed = step.cost;
    for (ZoneIndex other = 0; other < roster_.zones(); ++other) {
      if (other != zone && assignment_.CanEnterZone(partition, other)) ExpandZone(other, step);
    }
  }
}

void Reroute::ExpandZone(ZoneIndex zone, const Step& step) {
  for (const MemberIndex member : roster_.MembersOf(zone)) {
    if (assignment_.Holds(step.partition, member)) continue;
    Step next = step;
    next.cost += HadBefore(step.partition, member) ? 0 : 1;
    Reach(member, next);
  }
}

// Carries the path out from its end, where there is room.
void Reroute::Apply(MemberIndex last) {
  for (MemberIndex to = last; to != root_;) {
    const Step& step = *reached_[to];
    if (!step.from) return assignment_.Add(step.partition, to);
    assignment_.Exchange(step.partition, *step.from, to);
    to = *step.from;
  }
}

bool Reroute::HadBefore(uint32_t partition, MemberIndex member) const {
  const auto& list = before_[partition];
  return std::find(list.begin(), list.end(), member) != list.end();
}

}  // namespace kvd::ring
