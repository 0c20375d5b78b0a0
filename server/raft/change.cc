// Changes of the configuration: joint consensus, one at a time (Ongaro's dissertation, 4.3).
#include <algorithm>
#include <set>
#include <utility>

#include "common/check.h"
#include "server/raft/state.h"

namespace kvd::raft {
namespace {

std::vector<Member> Ordered(std::vector<Member> members) {
  std::ranges::sort(members);
  return members;
}

}  // namespace

std::variant<Replica::Proposed, Replica::ChangeRefused> Replica::State::ProposeChange(
    const Change& change) {
  const Configuration& present = configuration();
  Configuration next{
      .voters = Ordered(change.voters), .outgoing = {}, .learners = Ordered(change.learners)};
  if (next.voters != present.voters) next.outgoing = present.voters;
  if (const std::optional<ChangeRefused> why = WhyNot(change, next)) return *why;
  CheckChange(change);
  return AppendOwn(storage::EntryKind::kConfiguration, EncodeConfiguration(next));
}

std::optional<Replica::ChangeRefused> Replica::State::WhyNot(const Change& change,
                                                             const Configuration& next) const {
  if (!IsLeader()) return ChangeRefused::kNotLeader;
  if (transfer.has_value()) return ChangeRefused::kTransferring;
  if (!HasCommittedInTerm()) return ChangeRefused::kNoEntryOfOwnTerm;
  if (change.if_index != configurations.index()) return ChangeRefused::kOtherConfiguration;
  const bool is_under_way = configurations.index() > commit || configuration().IsJoint();
  if (is_under_way && !IsBroken(Rule::kTwoChangesAtOnce)) return ChangeRefused::kChangeUnderWay;
  if (change.voters.empty()) return ChangeRefused::kNoVoters;
  if (next.IsJoint() && !IsCaughtUp(next) && !IsBroken(Rule::kPromoteUnfilled)) {
    return ChangeRefused::kNotCaughtUp;
  }
  return std::nullopt;
}

// A voter to be has to be fed everything that is committed within one window, and those who are
// alive have to be a majority of both sets: otherwise the change itself would stop the group.
bool Replica::State::IsCaughtUp(const Configuration& next) const {
  const auto is_ready = [this](const Member& member) {
    if (configuration().IsVoter(member.id)) return true;
    const auto it = fed.find(member.id);
    if (it == fed.end() || !IsActive(member.id)) return false;
    const raft::Progress& progress = it->second.progress;
    return progress.mode() == raft::Progress::Mode::kReplicate && progress.next() > commit;
  };
  if (!std::ranges::all_of(next.voters, is_ready)) return false;
  return next.HasMajority([this](ReplicaId member) { return IsActive(member); });
}

void Replica::State::CheckChange(const Change& change) const {
  std::set<ReplicaId> named;
  for (const auto* members : {&change.voters, &change.learners}) {
    for (const Member& member : *members) {
      KVD_CHECK(member.id != ReplicaId{} && named.insert(member.id).second,
                "a change names every replica once");
      const Member* present = configuration().Find(member.id);
      KVD_CHECK(present == nullptr || present->node == member.node, "a replica stays on its node");
    }
  }
  for (const Member& learner : change.learners) {
    KVD_CHECK(!configuration().IsVoter(learner.id), "a voter does not become a learner");
  }
}

// Feeds the members of the configuration in force, and nobody else.
void Replica::State::FollowConfiguration() {
  std::erase_if(fed, [this](const auto& entry) { return !configuration().Contains(entry.first); });
  for (const Member& member : configuration().All()) {
    if (member.id == id()) continue;
    fed.try_emplace(member.id, Fed{member, raft::Progress(log.last() + 1, now)});
  }
}

void Replica::State::LeaveJoint() {
  Configuration next = configuration();
  next.outgoing.clear();
  (void)AppendOwn(storage::EntryKind::kConfiguration, EncodeConfiguration(next));
}

// Its last act: whoever has most of the log campaigns at once.
void Replica::State::LeaveGroup() {
  const Member* heir = nullptr;
  for (const Member& voter : configuration().voters) {
    if (!IsActive(voter.id)) continue;
    if (heir == nullptr || MatchOf(voter.id) > MatchOf(heir->id)) heir = &voter;
  }
  if (heir != nullptr) SendAtOnce(*heir, TimeoutNow{});
  BecomeFollower(term, std::nullopt);
}

}  // namespace kvd::raft
