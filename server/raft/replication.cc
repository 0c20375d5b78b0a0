// Feeding followers.
#include <numeric>
#include <utility>

#include "common/check.h"
#include "server/raft/state.h"

namespace kvd::raft {

void Replica::State::SendAll() {
  for (auto& [member, one] : fed) SendTo(one);
}

void Replica::State::SendTo(Fed& one) {
  if (std::exchange(one.install, false) && one.progress.snapshot().has_value()) {
    one.progress.InstallSent(round);
    SendAtOnce(one.member, InstallRequest{*one.progress.snapshot()});
  }
  while (SendNext(one)) {
  }
}

// Whether more could follow.
bool Replica::State::SendNext(Fed& one) {
  raft::Progress& progress = one.progress;
  if (progress.mode() == raft::Progress::Mode::kSnapshot) return false;
  if (progress.next() < log.first()) {
    progress.BeginSnapshot();
    snapshots.push_back({one.member});
    return false;
  }
  if (std::exchange(one.confirm, false)) SendEntries(one, {});
  const bool nothing_new = progress.next() > log.last();
  if (nothing_new && progress.mode() == raft::Progress::Mode::kReplicate) return false;
  if (!progress.CanSend(options.max_inflight_bytes)) return false;
  if (!nothing_new && !log.IsCached(progress.next())) {
    progress.BeginFetch();
    fetches.push_back({.follower = one.member.id,
                       .from = progress.next(),
                       .to = log.cached_from() - 1,
                       .max_bytes = options.max_append_bytes});
    return false;
  }
  SendEntries(one, nothing_new ? std::vector<storage::Entry>{}
                               : log.Slice(progress.next(), options.max_append_bytes));
  return true;
}

void Replica::State::SendEntries(Fed& one, std::vector<storage::Entry> entries) {
  const Index previous = one.progress.next() - 1;
  const std::optional<Term> previous_term = log.TermAt(previous);
  KVD_CHECK(previous_term.has_value(), "what is sent follows an entry of the log");
  const uint64_t bytes = std::accumulate(
      entries.begin(), entries.end(), uint64_t{0},
      [](uint64_t sum, const storage::Entry& entry) { return sum + BytesOf(entry); });
  one.progress.Sent(previous + entries.size(), bytes, round);
  SendAtOnce(one.member, AppendRequest{.previous_index = previous,
                                       .previous_term = *previous_term,
                                       .commit = commit,
                                       .entries = std::move(entries)});
}

void Replica::State::OnAppendReply(const AppendReply& reply, const Message& message) {
  const auto it = fed.find(message.from);
  if (!IsLeader() || it == fed.end()) return;
  raft::Progress& progress = it->second.progress;
  if (reply.accepted && reply.index > log.last()) return;  // It cannot have that from us.
  progress.Heard(now);
  wants_to_send = true;
  if (!reply.accepted) {
    const Position agreed = log.LastWithin({reply.hint_index, reply.hint_term});
    progress.Rejected(reply.index, agreed.index);
    return;
  }
  progress.Accepted(reply.index, log.first());
  TellTransferTarget();
  CommitByCounting();
}

void Replica::State::OnBeatReply(const BeatReply& reply, const Message& message) {
  const auto it = fed.find(message.from);
  if (!IsLeader() || it == fed.end() || reply.round > round) return;
  Fed& one = it->second;
  one.progress.Heard(now);
  switch (one.progress.BeatAnswered(reply.round, reply.last)) {
    case raft::Progress::Repair::kNone:
      break;
    case raft::Progress::Repair::kSend:
      wants_to_send = true;
      break;
    case raft::Progress::Repair::kConfirm:
      one.confirm = true;
      wants_to_send = true;
      break;
    case raft::Progress::Repair::kInstallAgain:
      one.install = true;
      wants_to_send = true;
      break;
  }
  ConfirmReads();
}

void Replica::State::OnLinkDown(NodeId node) {
  for (auto& [member, one] : fed) {
    if (one.member.node == node) one.progress.LinkDown(round);
  }
}

void Replica::State::OnFetched(ReplicaId follower, std::vector<storage::Entry> entries) {
  const auto it = fed.find(follower);
  if (it == fed.end() || !it->second.progress.fetching()) return;
  raft::Progress& progress = it->second.progress;
  progress.EndFetch();
  if (entries.empty()) return progress.Pause(round);
  wants_to_send = true;
  // The follower's place may have changed meanwhile; then this is read for nothing.
  if (progress.next() < log.first() || !progress.CanSend(options.max_inflight_bytes)) return;
  Index index = progress.next();
  for (const storage::Entry& entry : entries) {
    if (entry.index != index || log.TermAt(index) != entry.term) return;
    ++index;
  }
  SendEntries(it->second, std::move(entries));
}

}  // namespace kvd::raft
