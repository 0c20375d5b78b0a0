// Time, suspicion, campaigns and votes.
#include <algorithm>

#include "server/raft/state.h"

namespace kvd::raft {

void Replica::State::Advance() {
  if (IsLeader()) return AdvanceLeader();
  if (now < campaign_at || !CanCampaign()) return;
  if (own_vote.has_value()) {  // The disk is slow; another term would not make it faster.
    campaign_at = now + DrawPatience();
    return;
  }
  StartPreVote();
}

// Looks again only when the answers known at the last look have become too old.
void Replica::State::AdvanceLeader() {
  if (transfer.has_value() && now >= transfer->until) transfer.reset();
  if (now < check_quorum_at) return;
  const auto heard = [this](const Member& member) {
    const auto it = fed.find(member.id);
    const Instant at = it == fed.end() ? now : it->second.progress.heard_at();
    return static_cast<Index>(at.time_since_epoch().count());
  };
  const auto heard_count = static_cast<Duration::rep>(configuration().MajorityIndex(heard));
  check_quorum_at = Instant(Duration(heard_count)) + options.election_timeout;
  if (check_quorum_at > now) return;
  BecomeFollower(term, std::nullopt);
}

Instant Replica::State::NextWakeAt() const {
  if (!IsLeader()) return CanCampaign() ? campaign_at : Instant::max();
  return transfer.has_value() ? std::min(check_quorum_at, transfer->until) : check_quorum_at;
}

// A snapshot being installed is ahead of the log: such a replica could only lose. A voter that the
// configuration in force leaves out is still needed as long as that one is not committed: it may be
// the only one that has its entry, and those in it cannot win without. It does not count itself
// then (Ongaro's dissertation, 4.2.2).
bool Replica::State::CanCampaign() const {
  return configurations.MayBeVoter(id()) && !installing.has_value();
}

// A leader always hears itself: it steps down by itself when a majority does not hear it.
bool Replica::State::HearsLeader() const {
  if (IsLeader()) return true;
  return leader.has_value() && !suspected && now < heard_at + options.election_timeout;
}

Duration Replica::State::DrawTimeout() {
  const auto timeout = static_cast<uint64_t>(options.election_timeout.count());
  return Duration(timeout + random.Below(timeout));
}

// Until the next campaign. While the leader is suspected that is soon, but later after every
// election that decided nothing: a slow disk must not be outrun.
Duration Replica::State::DrawPatience() {
  if (!suspected) return DrawTimeout();
  const Duration interval = options.campaign_interval * (1U << std::min(attempts, 4U));
  const auto patience = static_cast<uint64_t>(std::min(interval, options.election_timeout).count());
  return Duration(patience + random.Below(patience));
}

void Replica::State::Suspect(Duration delay) {
  if (IsLeader()) return;
  suspected = true;
  const Instant at = now + (role == Role::kFollower ? delay : DrawPatience());
  campaign_at = std::min(campaign_at, at);
}

void Replica::State::StartPreVote() {
  role = Role::kPreCandidate;
  leader.reset();
  ballot.Clear();
  campaign_at = now + DrawPatience();
  ballot.Count(id(), true);
  AskVoters({.pre = true}, term + 1);
  CountVotes();
}

void Replica::State::StartElection(bool transfer_asked) {
  role = Role::kCandidate;
  leader.reset();
  ballot.Clear();
  ++term;
  vote = id();
  durability.HardStateChanged();
  ++attempts;
  election_begun = transfer_asked ? ElectionCause::kTransfer
                   : suspected    ? ElectionCause::kSuspicion
                                  : ElectionCause::kSilence;
  campaign_at = now + DrawPatience();
  own_vote = durability.HardStateNumber();
  AskVoters({.transfer = transfer_asked}, term);
  CountOwnVote();
}

void Replica::State::AskVoters(const VoteRequest& request, Term in_term) {
  VoteRequest sent = request;
  sent.last_index = log.last();
  sent.last_term = log.last_term();
  for (const Member& member : configuration().All()) {
    if (member.id == id()) continue;
    if (!configuration().IsVoter(member.id) && !IsBroken(Rule::kLearnerCounted)) continue;
    SendInTerm(in_term, member.id, member.node, sent);
  }
}

void Replica::State::CountOwnVote() {
  if (!own_vote.has_value()) return;
  if (!durability.IsDone(*own_vote) && !IsBroken(Rule::kVoteBeforeSync)) return;
  own_vote.reset();
  ballot.Count(id(), true);
  CountVotes();
}

void Replica::State::CountVotes() {
  switch (ballot.OutcomeIn(configuration())) {
    case Outcome::kOpen:
      return;
    case Outcome::kLost:
      return BecomeFollower(term, std::nullopt);
    case Outcome::kWon:
      return role == Role::kPreCandidate ? StartElection(false) : BecomeLeader();
  }
}

void Replica::State::OnVoteRequest(const VoteRequest& request, const Message& message,
                                   NodeId node) {
  const bool covered = log.IsCoveredBy({request.last_index, request.last_term}) ||
                       IsBroken(Rule::kVoteWithoutLogCheck);
  if (!covered || !MayVoteFor(request, message)) {
    Send(message.from, node, VoteReply{.pre = request.pre, .granted = false});
    // Nobody with the shorter log can win, so whoever has the longer one need not wait. Not for one
    // that was removed and does not know it: asked again and again, all would campaign together.
    const bool rival = configuration().IsVoter(message.from);
    const bool idle = role == Role::kFollower || role == Role::kPreCandidate;
    const bool leaderless = suspected || !leader.has_value();
    if (request.pre && !covered && rival && idle && leaderless && CanCampaign()) StartPreVote();
    return;
  }
  if (request.pre) {
    return SendInTerm(message.term, message.from, node, VoteReply{.pre = true, .granted = true});
  }
  if (vote != message.from) {
    vote = message.from;
    durability.HardStateChanged();
  }
  ++attempts;
  campaign_at = now + DrawPatience();
  Send(message.from, node, VoteReply{.granted = true});
}

bool Replica::State::MayVoteFor(const VoteRequest& request, const Message& message) const {
  if (request.pre && message.term > term) return true;
  if (vote == message.from) return true;
  return vote == ReplicaId{} && !leader.has_value();
}

void Replica::State::OnVoteReply(const VoteReply& reply, const Message& message) {
  const Role asker = reply.pre ? Role::kPreCandidate : Role::kCandidate;
  if (role != asker) return;
  const Term asked = reply.pre && reply.granted ? term + 1 : term;
  if (message.term != asked) return;
  ballot.Count(message.from, reply.granted);
  CountVotes();
}

void Replica::State::OnTimeoutNow(const Message& message) {
  if (!leader.has_value() || leader->id != message.from || !CanCampaign()) return;
  if (role != Role::kFollower) return;
  StartElection(true);
}

}  // namespace kvd::raft
