// Changes of the cluster: what can be asked for, what it would do, and the job that does it.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/types.h"

namespace kvd::client {

// A node that is no member becomes one, once it has called in. `zone` is for the plan alone: the
// node brings its own.
struct Join {
  std::string node;
  std::string zone{};
};

// A member that lives hands everything over, and stops at the end.
struct Leave {
  std::string node;
  bool accept_fewer_copies = false;  // Even if too few nodes remain for the copies there are.
};

// A member is lost; its copies are made anew from others. Refused while it is heard.
struct Remove {
  std::string node;
  bool accept_fewer_copies = false;
};

// `by`, which is no member, takes the place of `node`, once it has called in.
struct Replace {
  std::string node;
  std::string by;
  std::string zone{};
};

// The copies are spread as evenly as the zones permit.
struct Rebalance {};

using Change = std::variant<Join, Leave, Remove, Replace, Rebalance>;

enum class JobKind : uint8_t {
  kJoin,
  kLeave,
  kRemove,
  kReplace,
  kRebalance,
  kUnknown,  // A kind of a newer version.
};

// "join", "leave", ... as kvctl's commands are called.
[[nodiscard]] std::string_view JobKindName(JobKind kind);

// The kind of job that makes the change.
[[nodiscard]] JobKind KindOf(const Change& change);

// The nodes it is about, as in Job::nodes.
[[nodiscard]] std::vector<std::string> NodesOf(const Change& change);

// What a partition's group really consists of, beside what is wished of it.
struct Group {
  enum class Role : uint8_t {
    kVoter,
    kLearner,  // Is sent the data, and counts for nothing yet.
    kMissing,  // Is wished, and not there.
    kUnknown,  // A role of a newer version.
  };
  struct Copy {
    std::string node;
    Role role = Role::kUnknown;
    bool wished = false;
    bool active = false;  // The owner hears it.
    uint64_t behind = 0;  // Log entries that it has yet to receive.
  };

  PartitionId partition;
  std::string owner;         // Empty: nobody has reported.
  std::vector<Copy> copies;  // The wished ones in ring order, then others.
  uint64_t bytes = 0;
  uint64_t keys = 0;
  std::string reason;  // Why it stays as it is for now; empty: it does not, or is as wished.
};

// What a change would do, if it began now.
struct Plan {
  struct Transfer {
    std::string from;  // Empty: an additional copy, nobody gives one up.
    std::string to;
    uint64_t copies = 0;
    uint64_t bytes = 0;
  };

  // What a node holds.
  struct Share {
    std::string node;
    std::string zone;
    uint32_t replicas = 0;
    uint32_t owned = 0;
  };

  // A single failure that would cost data or a majority.
  struct Exposure {
    enum class Of : uint8_t {
      kNode,
      kZone,
      kUnknown,  // A failure only a newer version knows; it has no name here.
    };

    Of of = Of::kUnknown;
    std::string name;
    uint32_t lost = 0;     // Partitions whose every copy is there.
    uint32_t stopped = 0;  // Partitions that would have no majority, the lost ones included.
  };

  // The cluster without the change, and with it.
  struct Side {
    std::vector<Share> shares;  // In order of name.
    uint32_t fullest = 0;       // The fullest node over the mean, in thousandths.
    std::vector<Exposure> exposures;
    uint32_t replication = 0;  // Copies of each key.
  };

  std::vector<Transfer> transfers;  // In order of `from` and `to`.
  uint64_t copies = 0;              // To make,
  uint64_t minimum_copies = 0;      // of these as many as no fair ring could do without.
  uint64_t bytes = 0;               // To move.
  Duration time{};                  // At the allowed rate.
  Side before;
  Side after;
};

enum class JobState : uint8_t {
  kRunning,
  kWaiting,  // Does not advance now; see Job::reason.
  kAborting,
  kDone,
  kAborted,
  kUnknown,  // A state of a newer version.
};

// "running", "waiting", ... as in kvctl's output.
[[nodiscard]] std::string_view JobStateName(JobState state);

struct Job {
  uint64_t id = 0;  // From 1. 0: it is to begin when its node has called in.
  JobKind kind = JobKind::kUnknown;
  JobState state = JobState::kUnknown;
  std::vector<std::string> nodes{};  // Who joins or goes; of a replacement first who goes.
  std::string asked_by{};

  // Copies to make when it began, and still; after an abort those to undo. As reported: more may be
  // left than there were.
  uint64_t copies = 0;
  uint64_t copies_left = 0;

  // Bytes moved and to move since the node that answers watches it.
  uint64_t bytes_done = 0;
  uint64_t bytes_left = 0;
  uint64_t bytes_per_second = 0;
  Duration age{};                  // How long it has been seen to run.
  std::optional<Duration> left{};  // How long it will; nullopt: not known.

  std::string reason{};  // Why it does not advance; empty if it does.

  // Nothing more will become of it.
  [[nodiscard]] bool has_ended() const {
    return state == JobState::kDone || state == JobState::kAborted;
  }
  [[nodiscard]] uint64_t copies_done() const {
    return copies_left < copies ? copies - copies_left : 0;
  }
  [[nodiscard]] uint64_t bytes_total() const { return bytes_done + bytes_left; }
};

}  // namespace kvd::client
