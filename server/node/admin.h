// What operators ask of the cluster, and what they are told: changes, their plans, jobs. An
// operation like any other on its way (routing), served by the leader of the system group.
//
// Nodes are called by name here: people do, and a node that is to come has nothing else yet.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "server/topology/topology.h"

namespace kvd::node {

// A node that is no member becomes one, once it has called in; `zone` is for the plan alone.
struct JoinNode {
  std::string node;
  std::string zone = {};

  friend bool operator==(const JoinNode&, const JoinNode&) = default;
};

// A member that lives hands everything over. `accept_fewer_copies`: even if too few nodes remain.
struct LeaveNode {
  std::string node;
  bool accept_fewer_copies = false;

  friend bool operator==(const LeaveNode&, const LeaveNode&) = default;
};

// A member is lost: refused while it is heard.
struct RemoveNode {
  std::string node;
  bool accept_fewer_copies = false;

  friend bool operator==(const RemoveNode&, const RemoveNode&) = default;
};

// `by`, once it has called in, takes the place of `node`.
struct ReplaceNode {
  std::string node;
  std::string by;
  std::string zone = {};

  friend bool operator==(const ReplaceNode&, const ReplaceNode&) = default;
};

struct Rebalance {
  friend bool operator==(const Rebalance&, const Rebalance&) = default;
};

using Change = std::variant<JoinNode, LeaveNode, RemoveNode, ReplaceNode, Rebalance>;

struct PlanChange {
  Change change;

  friend bool operator==(const PlanChange&, const PlanChange&) = default;
};

// Answered with its job, also if that runs already.
struct StartChange {
  Change change;
  std::string asked_by = {};

  friend bool operator==(const StartChange&, const StartChange&) = default;
};

struct AbortJob {
  topology::JobId job;

  friend bool operator==(const AbortJob&, const AbortJob&) = default;
};

struct ListJobs {
  std::optional<topology::JobId> job = {};  // nullopt: all.

  friend bool operator==(const ListJobs&, const ListJobs&) = default;
};

// What groups consist of: of one partition, or those of all that are not as wished.
struct ListGroups {
  std::optional<PartitionId> partition = {};

  friend bool operator==(const ListGroups&, const ListGroups&) = default;
};

// Repeated without harm: what is done already, or under way, is not done again.
struct Administer {
  std::variant<ListJobs, PlanChange, StartChange, AbortJob, ListGroups> request;

  friend bool operator==(const Administer&, const Administer&) = default;
};

// A plan (topology/plan.h) with names.
struct PlanView {
  struct Transfer {
    std::string from;  // Empty: an additional copy.
    std::string to;
    uint64_t copies = 0;
    uint64_t bytes = 0;

    friend bool operator==(const Transfer&, const Transfer&) = default;
  };
  struct Share {
    std::string node;
    std::string zone;
    uint32_t replicas = 0;
    uint32_t owned = 0;

    friend bool operator==(const Share&, const Share&) = default;
  };
  struct Failure {
    std::string name;
    bool is_zone = false;  // Else a node.
    uint32_t lost = 0;
    uint32_t stopped = 0;

    friend bool operator==(const Failure&, const Failure&) = default;
  };
  struct Side {
    std::vector<Share> shares = {};  // Of every member that takes copies.
    uint32_t fullest = 0;            // The fullest over the mean, in thousandths, rounded up.
    std::vector<Failure> failures = {};
    uint32_t copies = 0;  // Of each key.

    friend bool operator==(const Side&, const Side&) = default;
  };

  std::vector<Transfer> transfers = {};
  uint64_t copies = 0;
  uint64_t minimum_copies = 0;
  uint64_t bytes = 0;
  Duration time{};  // At the allowed rate.
  Side before = {};
  Side after = {};

  friend bool operator==(const PlanView&, const PlanView&) = default;
};

// As topology::JobState, but for jobs that run and do not advance.
enum class JobStage : uint8_t { kRunning = 1, kWaiting, kAborting, kDone, kAborted };

struct JobView {
  topology::JobId id = {};  // 0: begins when its node has called in.
  topology::JobKind kind = topology::JobKind::kJoin;
  JobStage stage = JobStage::kRunning;
  std::vector<std::string> nodes = {};
  std::string asked_by = {};
  uint64_t copies = 0;
  uint64_t copies_left = 0;

  // Since whoever answers leads.
  uint64_t bytes_done = 0;
  uint64_t bytes_left = 0;
  uint64_t bytes_per_second = 0;
  Duration age{};
  std::optional<Duration> left = {};

  std::string reason = {};  // Why it does not advance.

  friend bool operator==(const JobView&, const JobView&) = default;
};

// kMissing: wished, and not there.
enum class CopyRole : uint8_t { kVoter = 1, kLearner, kMissing };

// A group as its leader reported it, beside what is wished of it.
struct GroupView {
  struct Copy {
    std::string node;
    CopyRole role = CopyRole::kVoter;
    bool wished = false;
    bool active = false;  // The owner hears it.
    uint64_t behind = 0;  // Entries.

    friend bool operator==(const Copy&, const Copy&) = default;
  };

  PartitionId partition;
  std::string owner = {};         // Empty: nobody reports.
  std::vector<Copy> copies = {};  // The wished ones in ring order, then others.
  uint64_t bytes = 0;
  uint64_t keys = 0;
  std::string reason = {};  // Why it stays as it is for now; empty if it does not, or is as wished.

  friend bool operator==(const GroupView&, const GroupView&) = default;
};

struct Groups {
  std::vector<GroupView> groups = {};

  friend bool operator==(const Groups&, const Groups&) = default;
};

struct Jobs {
  std::vector<JobView> jobs = {};

  friend bool operator==(const Jobs&, const Jobs&) = default;
};

}  // namespace kvd::node
