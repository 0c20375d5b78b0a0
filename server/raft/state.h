// All of one replica. Private to the room: its methods are spread over the sources by what they
// decide (election, follower, leader, replication, change, snapshots).
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/random.h"
#include "server/raft/ballot.h"
#include "server/raft/configuration_history.h"
#include "server/raft/durability.h"
#include "server/raft/entry_log.h"
#include "server/raft/outbox.h"
#include "server/raft/progress.h"
#include "server/raft/reads.h"
#include "server/raft/replica.h"
#include "server/raft/rules.h"

namespace kvd::raft {

struct Replica::State {
  // A member that this leader feeds.
  struct Fed {
    Member member;
    raft::Progress progress;
    bool confirm = false;  // Ask whether what was sent is there.
    bool install = false;  // Ask to install the snapshot that was sent.
  };

  struct Transfer {
    ReplicaId to;
    Instant until;
    bool told = false;
  };

  State(Options given, const Restored& restored, Instant start);

  // replica.cc: what arrives, and what all roles do alike.
  void Step(const Message& message, NodeId node);
  void StepHigherTerm(const Message& message, NodeId node);
  void AnswerLowerTerm(const Message& message, NodeId node);
  void Dispatch(const Message& message, NodeId node);
  void BecomeFollower(Term new_term, std::optional<Member> new_leader);
  void OnDurable(uint64_t number);
  void CommitTo(Index index);
  void AppendToLog(storage::Entry entry);
  void CutLogFrom(Index from);
  [[nodiscard]] Index HandOutLimit() const;
  [[nodiscard]] Effects TakeEffects();
  [[nodiscard]] std::optional<Write> TakeWrite();
  [[nodiscard]] bool HasEffects() const;

  // A message of the present term that claims term and vote; `number`: what else it waits for.
  void Send(ReplicaId to, NodeId node, decltype(Message::body) body, uint64_t number = 0);
  void SendInTerm(Term in_term, ReplicaId to, NodeId node, decltype(Message::body) body,
                  uint64_t number = 0);
  // A leader's request: its term is durable since the election.
  void SendAtOnce(const Member& to, decltype(Message::body) body);

  // election.cc: time, suspicion, campaigns, votes.
  void Advance();
  void AdvanceLeader();
  [[nodiscard]] Instant NextWakeAt() const;
  [[nodiscard]] bool CanCampaign() const;
  [[nodiscard]] bool HearsLeader() const;
  [[nodiscard]] Duration DrawTimeout();
  [[nodiscard]] Duration DrawPatience();
  void Suspect(Duration delay);
  void StartPreVote();
  void StartElection(bool transfer);
  void AskVoters(const VoteRequest& request, Term in_term);
  void CountOwnVote();
  void CountVotes();
  void OnVoteRequest(const VoteRequest& request, const Message& message, NodeId node);
  [[nodiscard]] bool MayVoteFor(const VoteRequest& request, const Message& message) const;
  void OnVoteReply(const VoteReply& reply, const Message& message);
  void OnTimeoutNow(const Message& message);

  // follower.cc: obeying a leader.
  [[nodiscard]] bool HeardLeader(const Message& message, NodeId node);
  void OnAppendRequest(const AppendRequest& request, const Message& message, NodeId node);
  void TakeEntries(const std::vector<storage::Entry>& entries);
  void RejectAppend(const AppendRequest& request, const Message& message, NodeId node);
  void AcceptUpTo(Index index, ReplicaId to, NodeId node);
  void OnBeat(const Beat& beat, const Message& message, NodeId node);

  // leader.cc: office, proposals, commit, reads, transfer.
  void BecomeLeader();
  void LeaveOffice();
  [[nodiscard]] Proposed AppendOwn(storage::EntryKind kind, std::string payload);
  void CommitByCounting();
  void AfterCommit();
  [[nodiscard]] bool HasCommittedInTerm() const;
  [[nodiscard]] Index MatchOf(ReplicaId id) const;
  [[nodiscard]] bool MayBeActive(ReplicaId id) const;
  [[nodiscard]] bool IsActive(ReplicaId id) const;
  [[nodiscard]] std::variant<Proposed, Refused> Propose(std::string payload);
  [[nodiscard]] bool Read(ReadId id);
  void ConfirmReads();
  [[nodiscard]] std::optional<Message> BeatFor(NodeId node);
  [[nodiscard]] bool WantsBeat() const;
  [[nodiscard]] bool IsAtRest() const;
  [[nodiscard]] bool IsQuietWith(NodeId node) const;
  [[nodiscard]] bool IsQuiet() const;
  [[nodiscard]] uint64_t BehindOn(NodeId node) const;
  [[nodiscard]] bool BeginTransfer(ReplicaId to);
  void TellTransferTarget();
  [[nodiscard]] std::optional<Replica::Progress> ProgressOf(ReplicaId member) const;

  // replication.cc: feeding followers.
  void SendAll();
  void SendTo(Fed& fed);
  [[nodiscard]] bool SendNext(Fed& fed);
  void SendEntries(Fed& fed, std::vector<storage::Entry> entries);
  void OnAppendReply(const AppendReply& reply, const Message& message);
  void OnBeatReply(const BeatReply& reply, const Message& message);
  void OnLinkDown(NodeId node);
  void OnFetched(ReplicaId follower, std::vector<storage::Entry> entries);

  // snapshots.cc: what is no longer in the log.
  void OnSnapshotSent(ReplicaId follower, std::optional<SnapshotPoint> sent);
  void OnInstallRequest(const InstallRequest& request, const Message& message, NodeId node);
  void OnInstalled(const SnapshotPoint& snapshot);
  void OnInstallFailed();

  // change.cc: configurations.
  [[nodiscard]] std::variant<Proposed, ChangeRefused> ProposeChange(const Change& change);
  [[nodiscard]] std::optional<ChangeRefused> WhyNot(const Change& change,
                                                    const Configuration& joint) const;
  [[nodiscard]] bool IsCaughtUp(const Configuration& next) const;
  void CheckChange(const Change& change) const;
  void FollowConfiguration();
  void LeaveJoint();
  void LeaveGroup();

  [[nodiscard]] const Configuration& configuration() const { return configurations.current(); }
  [[nodiscard]] bool IsLeader() const { return role == Role::kLeader; }
  [[nodiscard]] ReplicaId id() const { return options.self.id; }

  const Options options;
  Random random;
  Instant now;

  Term term = 0;
  ReplicaId vote;
  Role role = Role::kFollower;
  std::optional<Member> leader;

  EntryLog log;
  ConfigurationHistory configurations;
  Durability durability;
  Outbox outbox;
  Index commit = 0;
  Index handed_out = 0;

  // Not the leader.
  Instant heard_at = Instant::min();
  Instant campaign_at;
  bool suspected = false;
  uint32_t attempts = 0;  // Elections since a leader was last heard.
  Ballot ballot;
  std::optional<uint64_t> own_vote;  // Counts when this write is durable.
  std::optional<SnapshotPoint> installing;
  bool install_told = false;

  // The leader.
  std::map<ReplicaId, Fed> fed;
  Index own_term_from = 0;  // The entry it began its term with.
  uint64_t uncommitted_bytes = 0;
  uint64_t round = 0;  // Of the newest beat.
  raft::Reads reads;
  Instant check_quorum_at;
  std::optional<Transfer> transfer;
  bool wants_to_send = false;

  // Ready to be taken.
  std::optional<ElectionCause> election_begun;
  std::vector<ConfirmedRead> confirmed_reads;
  std::vector<ReadId> lost_reads;
  std::vector<Fetch> fetches;
  std::vector<SnapshotWanted> snapshots;
};

}  // namespace kvd::raft
