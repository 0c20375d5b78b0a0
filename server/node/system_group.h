// What the leader of the system group does: it reads what the group holds, decides commands, one
// after the other, and leads the cluster to what is wished (topology/reconciler.h).
//
// The group holds one value, the record of the newest topology, each written on condition of the
// version before. So every change is decided once, by the leader that proposes it, and releases
// that would decide differently can share a group. Whoever leads begins with a linearizable read:
// from then on its copy is the newest there is, until it writes itself.
//
// Everything else here is of one term: reports, silences, joiners that called in. A new leader asks
// for them anew.
//
// Pure. Threading: confined to the node.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "common/refusal.h"
#include "common/types.h"
#include "server/node/job_watch.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/node/witness.h"
#include "server/topology/command.h"
#include "server/topology/decision.h"
#include "server/topology/reconciler.h"
#include "server/topology/reports.h"
#include "server/topology/silence.h"
#include "server/topology/topology.h"

namespace kvd::node {

// Under which the group holds the record of the newest topology.
inline constexpr std::string_view kTopologyKey = "topology";

class SystemGroup {
 public:
  struct Options {
    // Between two looks at the groups while something is to be done, and otherwise.
    Duration busy_every = std::chrono::milliseconds(100);
    Duration idle_every = std::chrono::seconds(5);

    // Nodes that ask to join within this time of one another join in one step.
    Duration join_window = std::chrono::milliseconds(500);

    // A step that nothing was heard of is asked for again.
    Duration repeat_after = std::chrono::milliseconds(500);

    // To each node that takes copies over: how fast, and how many replicas at once.
    uint64_t bytes_per_second = 16U << 20U;
    uint32_t transfers = 2;

    topology::RemovalRules removal;

    // Off: changes are decided, and nobody carries them out.
    bool reconciles = true;
  };

  struct Write {
    std::string record;
    Version if_version = 0;  // 0: if there is none yet.
    uint64_t number = 0;     // Of this wish: reads and writes are counted together.
  };

  // What it wants done.
  struct Effects {
    std::optional<uint64_t> read;                // What the group holds; then call OnRead().
    std::optional<Write> write;                  // Then call OnWritten().
    std::optional<topology::Topology> decided;   // Is in force from now on.
    std::optional<Term> poll;                    // Ask every member to bear witness.
    std::vector<std::pair<NodeId, Step>> steps;  // For the leaders of groups.
    std::vector<std::pair<Uuid, std::optional<Refusal>>> verdicts;  // On those that called in.
    std::vector<std::pair<Ticket, std::optional<Result>>> told;     // nullopt: ask again.
    std::vector<LogLine> log;
  };

  explicit SystemGroup(Options options) : options_(options) {}

  // This node leads the group in `term`, and serves; or leads it no more.
  void OnLeading(Term term);
  void OnDeposed();

  // What was read: Found, Absent (the cluster is as it was founded, `own`), or why not. `number`:
  // of the wish; what is not the newest is ignored.
  void OnRead(uint64_t number, const Result& result, const topology::Topology& own, Instant now);

  // What the write came to. Likewise.
  void OnWritten(uint64_t number, const Result& result, Instant now);

  // Why what is due is not done, for people; empty: nothing is in the way, or this node does not
  // lead.
  [[nodiscard]] const std::string& halted() const { return halted_; }

  // A member answers a poll, this node included.
  void OnWitness(NodeId from, Witness witness, std::vector<GroupReport> reports, Instant now);

  // A node introduced itself to a member: it asks to join, or is one at another address.
  void OnAnnounced(const topology::NodeCard& card, Instant now);

  // An operator asks: answered in Effects::told, once. REQUIRES: term().
  void OnAsked(Ticket ticket, Administer asked, Instant now);

  // Time passed. `silent`: members not heard from here now.
  void Advance(const std::set<NodeId>& silent, Instant now);
  [[nodiscard]] Instant NextWakeAt() const;

  [[nodiscard]] Effects TakeEffects() { return std::exchange(effects_, {}); }

  [[nodiscard]] bool HasEffects() const;

  // In which this node leads.
  [[nodiscard]] std::optional<Term> term() const { return term_; }

 private:
  // Who asked to join, in order of arrival.
  struct Joiner {
    topology::NodeCard card;
    Instant since;
  };

  struct Ask {
    Ticket ticket;
    Administer asked;
    Instant due;
  };

  // The ask whose change is being written, and the job that it is about.
  struct Deciding {
    Ask ask;
    topology::JobId job;
  };

  // A change that begins when its node calls in.
  struct Awaited {
    StartChange start;
    Instant since;  // When it was asked for last.
  };

  [[nodiscard]] std::optional<Refusal> WhyNotYet() const;
  void Follow(topology::Command command);

  // Operators (system_changes.cc).
  void SendAway();
  [[nodiscard]] bool AnswerAsks(const std::set<NodeId>& silent, Instant now);
  [[nodiscard]] std::optional<Result> Answer(const Administer& asked,
                                             const std::set<NodeId>& silent, Instant now);
  [[nodiscard]] Result List(const ListJobs& list, Instant now);
  [[nodiscard]] Result List(const ListGroups& list) const;
  [[nodiscard]] GroupView View(PartitionId partition) const;
  [[nodiscard]] Result MakePlan(const Change& change, const std::set<NodeId>& silent) const;
  [[nodiscard]] std::optional<Result> Start(const StartChange& start,
                                            const std::set<NodeId>& silent, Instant now);
  [[nodiscard]] std::optional<Result> Abort(const AbortJob& abort, Instant now);
  [[nodiscard]] topology::JobId DecidedJob(const Administer& asked) const;
  void AnswerDecided(Instant now);
  [[nodiscard]] std::optional<topology::StartReplace> ReplacementBy(
      const topology::NodeCard& card) const;
  void ForgetAwaited(Instant now);
  void WatchJobs(Instant now);
  [[nodiscard]] JobView View(const topology::Job& job, Instant now) const;
  [[nodiscard]] static JobView View(const Awaited& awaited);
  [[nodiscard]] Result OnlyJob(const topology::Job& job, Instant now) const;

  [[nodiscard]] bool IsFoundingHeld(Instant now) const;
  [[nodiscard]] Duration LostAfter() const;
  [[nodiscard]] std::string WhyNothingIsDecided(const std::set<NodeId>& silent) const;
  [[nodiscard]] bool IsToBeReplaced(NodeId member) const;
  void Propose(topology::Topology next);
  [[nodiscard]] bool Decide(const topology::Command& command);
  [[nodiscard]] bool DecideJoin(Instant now);
  [[nodiscard]] bool DecideWhatIsDue(Instant now);
  void Pass(const std::set<NodeId>& silent, Instant now);
  void AskFor(const Step& step, Instant now);
  [[nodiscard]] topology::Silences AgreedSilences(Instant now) const;
  [[nodiscard]] topology::Limits LimitsAt(Instant now);
  [[nodiscard]] uint32_t CountReceivers() const;
  [[nodiscard]] std::map<PartitionId, uint64_t> Sizes() const;
  void NoteHalted(std::string why);
  void Say(LogLevel level, std::string message);

  const Options options_;
  std::optional<Term> term_;
  std::optional<topology::Topology> topology_;
  Version version_ = 0;                        // Of its record; 0: not all founders hold it yet.
  uint64_t number_ = 0;                        // Of the newest wish.
  std::optional<topology::Topology> writing_;  // The next one, on its way to the log.

  std::optional<topology::Reports> reports_;
  Witnesses witnesses_;
  topology::Reconciliation pass_;  // The last one.
  struct Asked {
    Term term = 0;
    Index if_index = 0;
    Instant at;
  };
  std::map<PartitionId, Asked> asked_;
  std::deque<Joiner> joiners_;
  std::deque<topology::Command> commands_;  // That followed from announcements.
  std::deque<Ask> asks_;
  std::optional<Deciding> deciding_;
  std::map<std::string, Awaited> awaited_;  // By the name of who has to call in.
  JobWatch watch_;
  std::string halted_;  // See halted().
  int64_t budget_ = 0;  // Bytes that may begin to move now.
  Instant budget_at_ = Instant::min();
  Instant pass_at_ = Instant::max();
  Effects effects_;
};

}  // namespace kvd::node
