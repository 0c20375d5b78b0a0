// Consensus of one group as one replica runs it: Raft (Ongaro & Ousterhout 2014; Ongaro's
// dissertation 2014) in the manner of etcd's library. Messages, time, proposals, reads and reports
// of the disk come in; out come what to make durable, what to send, what is committed, which reads
// are confirmed, and what is missing. With PreVote, check-quorum, pipelined appends, joint
// consensus with learners, snapshots, leader transfer and ReadIndex.
//
// Rules kept here (and broken, one at a time, by the switches of the simulation):
//   - term, vote and entries are durable before any message that claims them is given out;
//   - a leader counts itself only for what is durable on its own disk;
//   - only entries of the leader's own term commit by counting;
//   - an entry is handed out to be applied once it is committed *and* durable here;
//   - no read before an entry of the leader's own term is committed; a confirmation counts if it
//     answers a round begun after the read arrived, in the same term;
//   - a configuration is in force when it is appended, and no more when it is cut off; one change
//     at a time, none before an entry of the own term is committed; only its members count.
//
// Pure: no thread, clock, disk, network or hidden randomness.
//
// Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/types.h"
#include "server/raft/configuration.h"
#include "server/raft/messages.h"
#include "server/storage/log.h"

namespace kvd::raft {

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// A read that waits for its confirmation, named by whoever asked; never used twice.
using ReadId = Id<struct ReadIdTag, uint64_t>;

// What recovery found on the disk. Entries up to `applied` are committed.
struct Restored {
  storage::HardState hard_state;

  // In force behind `applied`.
  Configuration configuration;
  Index applied = 0;

  // The log holds [first, last]. `terms`: where each term begins, ascending, from first - 1 on: the
  // first one says the term of entry first - 1 (0 if the log begins at 1).
  Index first = 1;
  Index last = 0;
  struct TermStart {
    Index from = 0;
    Term term = 0;

    friend bool operator==(const TermStart&, const TermStart&) = default;
  };
  std::vector<TermStart> terms;

  // The entries (applied, last].
  std::vector<storage::Entry> tail;
};

// To be made durable; then call OnDurable(number). Numbers count up; a report of n is one of all
// below.
struct Write {
  uint64_t number = 0;
  storage::GroupWrite write;
};

struct Outgoing {
  NodeId node;
  Message message;
};

struct ConfirmedRead {
  ReadId id;
  Index index = 0;  // To be served once this much is applied.

  friend bool operator==(const ConfirmedRead&, const ConfirmedRead&) = default;
};

// A follower needs entries that are no longer in memory: read [from, to], or the beginning of it,
// from the disk and call OnFetched().
struct Fetch {
  ReplicaId follower;
  Index from = 0;
  Index to = 0;
  uint64_t max_bytes = 0;
};

// A follower needs entries that are no longer in the log: send it a snapshot, then report with
// OnSnapshotSent().
struct SnapshotWanted {
  Member follower;
};

// Why an election was begun.
enum class ElectionCause : uint8_t {
  kSuspicion,  // The leader's node was suspected.
  kSilence,    // No leader was heard for the election timeout.
  kTransfer,   // The leader asked for it, to give its place away.
};

struct Effects {
  std::optional<ElectionCause> election;  // One was begun. Nothing is to be done.
  std::optional<Write> write;
  std::vector<Outgoing> messages;
  std::vector<storage::Entry> committed;  // Next ones to apply, in order, without a gap.
  std::vector<ConfirmedRead> reads;
  std::vector<ReadId> lost_reads;  // This replica can confirm them no more: ask the new leader.
  std::vector<Fetch> fetches;
  std::vector<SnapshotWanted> snapshots;
  std::optional<SnapshotPoint> install;  // Switch to the data received, then OnInstalled().
};

class Replica {
 public:
  struct Options {
    GroupId group;
    Member self;

    // Silence of the leader before this replica campaigns by itself: drawn anew in [t, 2t). Also
    // the period in which a leader must hear a majority, or step down.
    Duration election_timeout = std::chrono::seconds(1);

    // Between two campaigns of a replica whose leader is suspected, about.
    Duration campaign_interval = std::chrono::milliseconds(100);

    // A transfer that takes longer is given up: the leader goes on.
    Duration transfer_timeout = std::chrono::milliseconds(500);

    uint64_t max_append_bytes = 256U << 10U;      // Entries in one message, at least one.
    uint64_t max_inflight_bytes = 1U << 20U;      // Entries on their way to one follower.
    uint64_t max_uncommitted_bytes = 16U << 20U;  // Beyond: proposals are refused.
    uint64_t cache_bytes = 1U << 18U;  // Applied entries kept in memory for followers, about.

    uint64_t seed = 0;  // Of election timeouts.
  };

  Replica(Options options, const Restored& restored, Instant now);
  ~Replica();
  Replica(Replica&&) noexcept;
  Replica& operator=(Replica&&) noexcept;

  // Time passed. Call at NextWakeAt(), early calls are harmless.
  void Advance(Instant now);
  [[nodiscard]] Instant NextWakeAt() const;

  // A message arrived from a replica on node `from`, where the answer goes. One that is for another
  // replica, or that no replica which keeps the rules would send, changes nothing. The same holds
  // for a stranger's answer; a stranger's request is obeyed: it may be a member of a configuration
  // that this replica has not received yet (Ongaro's dissertation, 4.1).
  void Step(const Message& message, NodeId from, Instant now);

  // The node of the leader is suspected: campaign after `delay`, unless a leader is heard before;
  // meanwhile others' campaigns are not refused for its sake. No-op on a leader. Whoever refuses a
  // pre-vote because its own log is longer campaigns at once.
  void OnLeaderSuspected(Duration delay, Instant now);

  // The connection to `node` broke: what was on its way is lost.
  void OnLinkDown(NodeId node);

  enum class Refused : uint8_t { kNotLeader, kTransferring, kTooMuchUncommitted };
  struct Proposed {
    Index index = 0;
    Term term = 0;
  };

  // Appends an entry to the leader's log.
  [[nodiscard]] std::variant<Proposed, Refused> Propose(std::string payload);

  // Asks for a confirmation that this replica leads: comes out as `reads` or `lost_reads`. False:
  // not the leader. The caller sends BeatFor() all members soon.
  [[nodiscard]] bool Read(ReadId id);

  // A leader's line in the next frame to `node`, and whether frames to all members should go out at
  // once because reads wait for a round that some live voter was not sent yet. nullopt: not the
  // leader, or no member there.
  [[nodiscard]] std::optional<Message> BeatFor(NodeId node);
  [[nodiscard]] bool WantsBeat() const;

  // Whether a beat would tell the member on `node`, or any, nothing but that its leader lives.
  [[nodiscard]] bool IsQuietWith(NodeId node) const;
  [[nodiscard]] bool IsQuiet() const;

  // Entries that the member on `node` has yet to receive; 0: not the leader, or no member there.
  [[nodiscard]] uint64_t BehindOn(NodeId node) const;

  // Gives the leadership to `to`, once it has caught up. False: not the leader, `to` is no voter or
  // this replica, or a transfer is under way.
  bool Transfer(ReplicaId to, Instant now);

  // A change of the configuration, decided elsewhere. kEnterJoint: the voters become `voters` (the
  // old ones outgoing) and the learners `learners`; a leader that finds the joint entry committed
  // leaves it by itself. A change that leaves the voters as they are is not joint. Refused unless
  // `if_index` is the index of the configuration in force.
  // REQUIRES: no replica is named twice, none is on another node than before, and no voter becomes
  // a learner (it is removed, and a new replica added).
  struct Change {
    Index if_index = 0;
    std::vector<Member> voters;
    std::vector<Member> learners;
  };
  enum class ChangeRefused : uint8_t {
    kNotLeader,
    kTransferring,
    kOtherConfiguration,  // if_index is not the index in force.
    kChangeUnderWay,      // The last one is not committed, or joint.
    kNoEntryOfOwnTerm,    // Nothing of this term is committed yet.
    kNotCaughtUp,         // A learner to be promoted is behind, or the live ones are no majority.
    kNoVoters,
  };
  [[nodiscard]] std::variant<Proposed, ChangeRefused> ProposeChange(const Change& change,
                                                                    Instant now);

  // Reports. OnApplied: the state machine has done everything up to `index`. OnTruncated: the log
  // now begins behind `through`. OnFetched: empty if they could not be read any more.
  void OnDurable(uint64_t number, Instant now);
  void OnApplied(Index index);
  void OnTruncated(Index through);
  void OnFetched(ReplicaId follower, std::vector<storage::Entry> entries);
  void OnSnapshotSent(ReplicaId follower, std::optional<SnapshotPoint> sent);
  void OnInstalled(const SnapshotPoint& snapshot);

  // Instead of OnInstalled(): the data is not there (any more). The leader will send it again.
  void OnInstallFailed();

  [[nodiscard]] bool HasEffects() const;
  [[nodiscard]] Effects TakeEffects();

  [[nodiscard]] GroupId group() const;
  [[nodiscard]] const Member& self() const;
  [[nodiscard]] Role role() const;
  [[nodiscard]] Term term() const;

  // The leader as known here; nullopt: none in this term.
  [[nodiscard]] std::optional<Member> leader() const;

  // True for a leader that has committed an entry of its own term and is not giving its place away:
  // it can serve reads at once.
  [[nodiscard]] bool IsServing() const;
  [[nodiscard]] bool IsTransferring() const;
  [[nodiscard]] Index commit() const;
  [[nodiscard]] Index last() const;
  [[nodiscard]] Index first() const;
  [[nodiscard]] std::optional<Term> TermAt(Index index) const;
  [[nodiscard]] const Configuration& configuration() const;  // In force.

  // Of its entry; if that one came in a snapshot or before the last start, the index from which on
  // this replica knows it: an index names one configuration as long as a leader's term lasts.
  [[nodiscard]] Index configuration_index() const;

  // As the leader sees a member; nullopt: not the leader, or no member.
  struct Progress {
    Index match = 0;
    bool active = false;    // Heard by this leader, within the last election timeout.
    bool snapshot = false;  // Waits for a snapshot.
  };
  [[nodiscard]] std::optional<Progress> ProgressOf(ReplicaId member) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvd::raft
