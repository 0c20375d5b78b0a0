// Obeying a leader.
#include <algorithm>

#include "server/raft/state.h"

namespace kvd::raft {

// The message is of the present term. False: another one leads in it, so the sender does not keep
// the rules.
bool Replica::State::HeardLeader(const Message& message, NodeId node) {
  if (leader.has_value() && leader->id != message.from) return false;
  const Member sender{message.from, node};
  if (role != Role::kFollower || leader != sender) BecomeFollower(term, sender);
  heard_at = now;
  suspected = false;
  attempts = 0;
  campaign_at = now + DrawTimeout();
  return true;
}

void Replica::State::OnAppendRequest(const AppendRequest& request, const Message& message,
                                     NodeId node) {
  if (!HeardLeader(message, node) || installing.has_value()) return;
  if (request.previous_index < commit) return AcceptUpTo(commit, message.from, node);
  if (log.TermAt(request.previous_index) != request.previous_term) {
    return RejectAppend(request, message, node);
  }
  TakeEntries(request.entries);
  const Index matched = request.previous_index + request.entries.size();
  CommitTo(std::min(request.commit, matched));
  AcceptUpTo(matched, message.from, node);
}

// REQUIRES: they follow an entry of this log that is committed or above.
void Replica::State::TakeEntries(const std::vector<storage::Entry>& entries) {
  const auto differs = [this](const storage::Entry& entry) {
    return log.TermAt(entry.index) != entry.term;
  };
  const auto first = std::ranges::find_if(entries, differs);
  if (first == entries.end()) return;
  if (first->index <= log.last()) CutLogFrom(first->index);
  std::for_each(first, entries.end(), [this](const storage::Entry& entry) { AppendToLog(entry); });
}

void Replica::State::RejectAppend(const AppendRequest& request, const Message& message,
                                  NodeId node) {
  const Position hint = log.LastWithin({request.previous_index, request.previous_term});
  Send(message.from, node,
       AppendReply{.accepted = false,
                   .index = request.previous_index,
                   .hint_index = hint.index,
                   .hint_term = hint.term});
}

void Replica::State::AcceptUpTo(Index index, ReplicaId to, NodeId node) {
  const uint64_t number = IsBroken(Rule::kAckBeforeSync) ? 0 : durability.NumberOf(index);
  Send(to, node, AppendReply{.accepted = true, .index = index}, number);
}

// A log that ends before what its leader knows it to hold has lost something: it says so by `last`
// and commits nothing.
void Replica::State::OnBeat(const Beat& beat, const Message& message, NodeId node) {
  if (!HeardLeader(message, node)) return;
  if (!installing.has_value() && beat.commit <= log.last()) CommitTo(beat.commit);
  Send(message.from, node, BeatReply{.round = beat.round, .last = log.last()});
}

}  // namespace kvd::raft
