// What a command does to a topology: the next one, or nothing, for a reason. This is the state
// machine of the system group. It is deterministic and total: every node that decides the same
// commands in the same order has the same bytes, whatever the commands say.
//
// Whatever changes who takes copies makes a new wish (wish.h) and starts a job. The wish is
// fulfilled elsewhere, step by step (reconciler.h); what then is so comes back as commands
// (progress.h): FinishJoin, FinishRemoval, FinishJob.
//
// Jobs may run side by side as long as no node is in two of them: there is one wish, and so never
// more than one change of a partition to make.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <variant>

#include "common/refusal.h"
#include "server/topology/command.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// Why a command changes nothing.
struct Rejection {
  enum class Why : uint8_t {
    kBadCard,        // A card without name, UUID or peer address, or two of one name.
    kNoMembers,      // A list of nodes that is empty, not in order, or names one who cannot.
    kNameInUse,      // By `node`.
    kUuidInUse,      // By `node`.
    kRemovedBefore,  // The UUID was that of `node`, which was removed.
    kNoSuchNode,     // `node` is no member.
    kBusy,           // `node` is in `job`.
    kUnderWay,       // `job` does just that.
    kFewerCopies,    // Without `node`, too few nodes remain for the copies there are.
    kNobodyLeft,     // No node would take copies.
    kStillWished,    // Something is still wished to be on `node`.
    kWrongState,     // `node` is not joining, or not leaving, as it should.
    kNotDone,        // A node of `job` is still on its way: `node`.
    kNoSuchJob,      // `job`.
    kJobEnded,       // `job`.
    kNoWayBack,      // `job` cannot be undone.
    kNothingToDo,    // The topology is so already.
  };
  Why why = Why::kNothingToDo;
  std::optional<NodeId> node = std::nullopt;
  std::optional<JobId> job = std::nullopt;

  friend bool operator==(const Rejection&, const Rejection&) = default;
};

using Decision = std::variant<Topology, Rejection>;

// The topology after `command`, with the next epoch, or why it stays. `at` is the index of the
// command's entry.
[[nodiscard]] Decision Decide(const Topology& now, Index at, const Command& command);

// For people. `now` is the topology that the command was decided against.
[[nodiscard]] Refusal Explain(const Rejection& rejection, const Topology& now);

}  // namespace kvd::topology
