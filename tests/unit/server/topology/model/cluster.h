// A cluster of model groups and the leader of its system group, in virtual time: reports and steps
// take their time or get lost, nodes die and return, leaders change, and a new leader of the system
// group begins without reports. Everything that decides is the real thing: Decide(), Reconcile(),
// CommandsDue(), VotersDue().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/topology/decision.h"
#include "server/topology/reconciler.h"
#include "tests/unit/server/topology/model/group.h"

namespace kvd::topology::model {

class Cluster {
 public:
  struct Options {
    uint64_t seed = 1;
    uint64_t bytes_per_partition = 1000;
    uint64_t bytes_per_second = 100'000;                   // Of one transfer.
    uint64_t budget_bytes_per_second = UINT64_C(1) << 40;  // Of all together.
    Limits limits = {};                                    // `bytes` follows from the budget.
    Millis report_every = 500;
  };

  Cluster(Topology founded, Options options);

  // Messages are lost in so many of a million cases, and take up to this long.
  void Disturb(uint64_t loss_per_million, Millis longest_delay);

  // Has the leader of the system group decide. False: there is none, or the command was rejected.
  bool Ask(const Command& command);

  void Kill(NodeId node);
  void Revive(NodeId node);            // Of a removed node a no-op: it has stopped for good.
  void Depose(PartitionId partition);  // kSystemPartition too.

  // 100 ms pass.
  void Tick();

  // Ticks until everything is as wished and no job runs, or `limit` is over; the time it took.
  std::optional<Millis> RunUntilSettled(Millis limit);

  [[nodiscard]] bool IsSettled() const;
  [[nodiscard]] const Topology& topology() const { return topology_; }
  [[nodiscard]] const std::set<NodeId>& dead() const { return dead_; }
  [[nodiscard]] Millis now() const { return now_; }
  [[nodiscard]] uint64_t transfers() const;
  [[nodiscard]] uint64_t steps() const { return steps_; }       // Sent so far.
  [[nodiscard]] uint64_t reports() const { return reported_; }  // Likewise.

  // What should not have happened.
  [[nodiscard]] std::vector<std::string> Violations() const;

  // What is not as wished, for a failed test.
  [[nodiscard]] std::string Describe() const;

 private:
  struct ReportSent {
    Term asked_in;
    GroupReport report;
  };
  using Message = std::variant<ReportSent, Step>;

  void Send(Message message);
  void Deliver();
  void SendReports();
  void Lead();
  void CheckRemovals(const Topology& before);

  Topology topology_;
  Options options_;
  Random random_;
  Millis now_ = 0;
  std::map<PartitionId, Group> groups_;
  std::map<PartitionId, Term> heard_;  // The term of the system group that a leader knows.
  std::set<NodeId> dead_;
  std::map<NodeId, Millis> died_at_;
  std::set<NodeId> stopped_;  // Removed.

  Term term_ = 0;  // Of the system group's leader.
  Reports received_{0};
  Reconciliation last_pass_;
  uint64_t debt_ = 0;  // Bytes begun beyond the budget.

  std::multimap<Millis, Message> underway_;
  uint64_t loss_per_million_ = 0;
  Millis longest_delay_ = 10;
  uint64_t steps_ = 0;
  uint64_t reported_ = 0;
  Index index_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace kvd::topology::model
