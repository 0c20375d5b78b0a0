// Office: taking and leaving it, proposals, commit, reads, beats, giving it away.
#include <algorithm>
#include <limits>
#include <utility>

#include "server/raft/state.h"

namespace kvd::raft {

void Replica::State::BecomeLeader() {
  role = Role::kLeader;
  leader = options.self;
  suspected = false;
  attempts = 0;
  own_vote.reset();
  ballot.Clear();
  check_quorum_at = now + options.election_timeout;
  fed.clear();
  FollowConfiguration();
  uncommitted_bytes = 0;
  for (Index i = commit + 1; i <= log.last(); ++i) uncommitted_bytes += BytesOf(log.At(i));
  // Entries of earlier terms commit with one of this term, never by themselves.
  own_term_from = AppendOwn(storage::EntryKind::kCommand, {}).index;
}

// Every pending read dies with the term: whoever leads next may know more.
void Replica::State::LeaveOffice() {
  std::ranges::copy(reads.TakeAll(), std::back_inserter(lost_reads));
  transfer.reset();
  fed.clear();
  fetches.clear();
  snapshots.clear();
  wants_to_send = false;
}

Replica::Proposed Replica::State::AppendOwn(storage::EntryKind kind, std::string payload) {
  storage::Entry entry{
      .index = log.last() + 1, .term = term, .payload = std::move(payload), .kind = kind};
  uncommitted_bytes += BytesOf(entry);
  const Proposed proposed{entry.index, entry.term};
  AppendToLog(std::move(entry));
  if (kind == storage::EntryKind::kConfiguration) FollowConfiguration();
  wants_to_send = true;
  return proposed;
}

std::variant<Replica::Proposed, Replica::Refused> Replica::State::Propose(std::string payload) {
  if (!IsLeader()) return Refused::kNotLeader;
  if (transfer.has_value()) return Refused::kTransferring;
  // One entry must fit, however large it is.
  const bool full = uncommitted_bytes + payload.size() > options.max_uncommitted_bytes;
  if (full && commit < log.last()) return Refused::kTooMuchUncommitted;
  return AppendOwn(storage::EntryKind::kCommand, std::move(payload));
}

Index Replica::State::MatchOf(ReplicaId member) const {
  if (member == id()) {
    return IsBroken(Rule::kAckBeforeSync) ? log.last() : durability.durable();
  }
  const auto it = fed.find(member);
  return it == fed.end() ? 0 : it->second.progress.match();
}

bool Replica::State::HasCommittedInTerm() const {
  return commit >= own_term_from;
}

void Replica::State::CommitByCounting() {
  const Index counted =
      configuration().MajorityIndex([this](const Member& member) { return MatchOf(member.id); });
  if (counted <= commit) return;
  if (log.TermAt(counted) != term && !IsBroken(Rule::kCommitOldTermByCounting)) return;
  CommitTo(counted);
  AfterCommit();
}

void Replica::State::AfterCommit() {
  if (HasCommittedInTerm()) {
    reads.OnReadable(commit);
    ConfirmReads();
  }
  if (configurations.index() > commit) return;
  if (configuration().IsJoint()) return LeaveJoint();
  if (!configuration().IsVoter(id())) LeaveGroup();
}

bool Replica::State::Read(ReadId read) {
  if (!IsLeader()) return false;
  if (IsBroken(Rule::kReadWithoutConfirmation)) {
    confirmed_reads.push_back({read, commit});
    return true;
  }
  // The round under way began before this read arrived: it proves nothing for it.
  reads.Add(read, round + 1, HasCommittedInTerm() ? std::optional(commit) : std::nullopt);
  ConfirmReads();
  return true;
}

void Replica::State::ConfirmReads() {
  if (!reads.newest_round()) return;  // As after almost every answer to a beat.
  const auto answered = [this](const Member& member) -> uint64_t {
    if (member.id == id()) return std::numeric_limits<uint64_t>::max();
    const auto it = fed.find(member.id);
    return it == fed.end() ? 0 : it->second.progress.answered_round();
  };
  const uint64_t confirmed = configuration().MajorityIndex(answered);
  std::ranges::copy(reads.TakeConfirmed(confirmed), std::back_inserter(confirmed_reads));
}

std::optional<Message> Replica::State::BeatFor(NodeId node) {
  if (!IsLeader()) return std::nullopt;
  const auto on_node = [node](const auto& entry) { return entry.second.member.node == node; };
  const auto it = std::ranges::find_if(fed, on_node);
  if (it == fed.end()) return std::nullopt;
  raft::Progress& progress = it->second.progress;
  const Index known = std::min(commit, progress.match());
  progress.BeatSent(++round, known);
  const Beat beat{.commit = known,
                  .round = round,
                  .current = HasCommittedInTerm() && progress.match() >= commit};
  return Message{.from = id(), .to = it->first, .term = term, .body = beat};
}

bool Replica::State::IsAtRest() const {
  return IsLeader() && HasCommittedInTerm() && !transfer.has_value() && !WantsBeat();
}

bool Replica::State::IsQuietWith(NodeId node) const {
  if (!IsAtRest()) return false;
  const auto on_node = [node](const auto& entry) { return entry.second.member.node == node; };
  const auto it = std::ranges::find_if(fed, on_node);
  return it != fed.end() && it->second.progress.HasHeardAll(log.last());
}

bool Replica::State::IsQuiet() const {
  return IsAtRest() && std::ranges::all_of(fed, [this](const auto& entry) {
           return entry.second.progress.HasHeardAll(log.last());
         });
}

uint64_t Replica::State::BehindOn(NodeId node) const {
  const auto on_node = [node](const auto& entry) { return entry.second.member.node == node; };
  const auto it = std::ranges::find_if(fed, on_node);
  return it == fed.end() ? 0 : log.last() - std::min(it->second.progress.match(), log.last());
}

bool Replica::State::WantsBeat() const {
  const std::optional<uint64_t> newest = IsLeader() ? reads.newest_round() : std::nullopt;
  if (!newest.has_value()) return false;
  return std::ranges::any_of(fed, [&](const auto& entry) {
    const raft::Progress& progress = entry.second.progress;
    if (progress.link_down() || progress.beat_round() >= *newest) return false;
    return configuration().IsVoter(entry.first) && MayBeActive(entry.first);
  });
}

bool Replica::State::BeginTransfer(ReplicaId to) {
  if (!IsLeader() || to == id() || transfer.has_value()) return false;
  if (std::ranges::find(configuration().voters, to, &Member::id) == configuration().voters.end()) {
    return false;
  }
  transfer = Transfer{.to = to, .until = now + options.transfer_timeout};
  TellTransferTarget();
  return true;
}

// Once only: a second request could depose the leader that the first one made.
void Replica::State::TellTransferTarget() {
  if (!transfer.has_value() || transfer->told) return;
  const auto it = fed.find(transfer->to);
  if (it == fed.end() || it->second.progress.match() < log.last()) return;
  transfer->told = true;
  SendAtOnce(it->second.member, TimeoutNow{});
}

// As far as a new leader knows, whom it has not heard yet may be.
bool Replica::State::MayBeActive(ReplicaId member) const {
  if (member == id()) return true;
  const auto it = fed.find(member);
  return it != fed.end() && now < it->second.progress.heard_at() + options.election_timeout;
}

bool Replica::State::IsActive(ReplicaId member) const {
  return MayBeActive(member) && (member == id() || fed.at(member).progress.was_heard());
}

std::optional<Replica::Progress> Replica::State::ProgressOf(ReplicaId member) const {
  if (!IsLeader() || !configuration().Contains(member)) return std::nullopt;
  Replica::Progress seen{.match = MatchOf(member), .active = IsActive(member)};
  if (const auto it = fed.find(member); it != fed.end()) {
    seen.snapshot = it->second.progress.mode() == raft::Progress::Mode::kSnapshot;
  }
  return seen;
}

}  // namespace kvd::raft
