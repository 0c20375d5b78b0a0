// Explain(): a rejection as a sentence with the values that matter.
#include <fmt/format.h>

#include "common/check.h"
#include "server/topology/decision.h"
#include "server/topology/wish.h"

namespace kvd::topology {
namespace {

using Why = Rejection::Why;

std::string NameOf(const Topology& now, std::optional<NodeId> node) {
  if (!node) return "a node";
  if (const Member* member = now.Find(*node); member != nullptr) return member->card.name;
  return fmt::format("node {}", node->value);
}

std::string JobName(const Rejection& rejection) {
  return fmt::format("job {}", rejection.job ? rejection.job->value : 0);
}

Refusal InUse(const Rejection& rejection, const Topology& now) {
  const NodeCard& card = now.Find(*rejection.node)->card;
  const std::string uuid = card.uuid.ToString();
  const bool same_name = rejection.why == Why::kNameInUse;
  return {.reason = Reason::kNameInUse,
          .message =
              same_name
                  ? fmt::format("name {} is in use by {} at {}", card.name, uuid, card.peer_address)
                  : fmt::format("{} is the UUID of {} at {}; was a data directory copied?", uuid,
                                card.name, card.peer_address),
          .metadata = {{"expected", uuid}}};
}

Refusal RemovedBefore(const Rejection& rejection, const Topology& now) {
  for (const Removed& removed : now.removed) {
    if (removed.id != rejection.node) continue;
    return {.reason = Reason::kNodeRemoved,
            .message = fmt::format("{} was removed at epoch {}, the cluster is at {}; it can join "
                                   "as new, with an empty data directory",
                                   removed.name, removed.at.value, now.epoch.value)};
  }
  KVD_CHECK(false, "a rejection names who was removed");
}

Refusal Unsafe(std::string message) {
  return {.reason = Reason::kUnsafeChange, .message = std::move(message)};
}

Refusal InTheWay(const Rejection& rejection, std::string message) {
  return {.reason = Reason::kJobConflict,
          .message = std::move(message),
          .metadata = {{"job", fmt::to_string(rejection.job->value)}}};
}

Refusal Bad(std::string message) {
  return {.reason = Reason::kBadRequest, .message = std::move(message)};
}

}  // namespace

Refusal Explain(const Rejection& rejection, const Topology& now) {
  const std::string name = NameOf(now, rejection.node);
  const std::string job = JobName(rejection);
  switch (rejection.why) {
    case Why::kBadCard:
      return Bad("a node needs a name, a UUID and a peer address of its own");
    case Why::kNoMembers:
      return Bad("the list of nodes is empty or not in order");
    case Why::kNameInUse:
    case Why::kUuidInUse:
      return InUse(rejection, now);
    case Why::kRemovedBefore:
      return RemovedBefore(rejection, now);
    case Why::kNoSuchNode:
      return Bad(fmt::format("{} is no member of cluster {}", name, now.cluster_name));
    case Why::kBusy:
      return InTheWay(rejection,
                      fmt::format("{} is under way for {}; wait for it or abort it", job, name));
    case Why::kUnderWay:
      return InTheWay(rejection, fmt::format("{} does that already", job));
    case Why::kFewerCopies:
      return Unsafe(
          fmt::format("{} nodes would remain and there are {} copies; use replace, or "
                      "accept fewer",
                      Placeable(now).size() - 1, now.copies));
    case Why::kNobodyLeft:
      return Unsafe("no node would be left to hold the data");
    case Why::kStillWished:
      return Unsafe(fmt::format("replicas are still wished to be on {}", name));
    case Why::kWrongState:
      return Unsafe(fmt::format("{} is not in the state for that", name));
    case Why::kNotDone:
      return InTheWay(rejection, fmt::format("{} waits for {}", job, name));
    case Why::kNoSuchJob:
      return Bad(fmt::format("there is no {}", job));
    case Why::kJobEnded:
      return Bad(fmt::format("{} has ended", job));
    case Why::kNoWayBack:
      return Unsafe(fmt::format("{} cannot be undone; it goes on", job));
    case Why::kNothingToDo:
      return Bad("there is nothing to do");
  }
  KVD_CHECK(false, "every rejection is explained");
}

}  // namespace kvd::topology
