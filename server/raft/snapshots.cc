// What is no longer in the log travels as a snapshot, beside this room; here are the two ends of
// it.
#include <utility>

#include "common/check.h"
#include "server/raft/state.h"

namespace kvd::raft {

void Replica::State::OnSnapshotSent(ReplicaId follower, std::optional<SnapshotPoint> sent) {
  const auto it = fed.find(follower);
  if (it == fed.end()) return;
  raft::Progress& progress = it->second.progress;
  if (progress.mode() != raft::Progress::Mode::kSnapshot || progress.snapshot().has_value()) return;
  if (!sent.has_value()) return progress.SnapshotFailed(round);
  progress.SnapshotSent(*std::move(sent), round);
  it->second.install = true;
  wants_to_send = true;
}

void Replica::State::OnInstallRequest(const InstallRequest& request, const Message& message,
                                      NodeId node) {
  if (!HeardLeader(message, node)) return;
  if (installing.has_value()) return;  // The leader asks again.
  const SnapshotPoint& snapshot = request.snapshot;
  if (snapshot.index <= commit) return AcceptUpTo(commit, message.from, node);
  if (log.TermAt(snapshot.index) == snapshot.term) {
    CommitTo(snapshot.index);
    return AcceptUpTo(snapshot.index, message.from, node);
  }
  installing = snapshot;
  install_told = false;
}

void Replica::State::OnInstalled(const SnapshotPoint& snapshot) {
  KVD_CHECK(installing == snapshot, "what was asked for is what was installed");
  installing.reset();
  log.Reset({snapshot.index, snapshot.term});
  configurations = ConfigurationHistory(snapshot.index, snapshot.configuration);
  durability.Reset(snapshot.index, snapshot.term);
  commit = snapshot.index;
  handed_out = snapshot.index;
  campaign_at = now + DrawTimeout();
  if (leader.has_value()) AcceptUpTo(snapshot.index, leader->id, leader->node);
}

void Replica::State::OnInstallFailed() {
  KVD_CHECK(installing.has_value(), "an installation was asked for");
  const Index wanted = installing->index;
  installing.reset();
  if (!leader.has_value()) return;
  Send(leader->id, leader->node,
       AppendReply{.accepted = false,
                   .index = wanted,
                   .hint_index = log.last(),
                   .hint_term = log.last_term()});
}

}  // namespace kvd::raft
