#include "client/change.h"

namespace kvd::client {
namespace {

struct ToKind {
  JobKind operator()(const Join& /*join*/) const { return JobKind::kJoin; }
  JobKind operator()(const Leave& /*leave*/) const { return JobKind::kLeave; }
  JobKind operator()(const Remove& /*remove*/) const { return JobKind::kRemove; }
  JobKind operator()(const Replace& /*replace*/) const { return JobKind::kReplace; }
  JobKind operator()(const Rebalance& /*rebalance*/) const { return JobKind::kRebalance; }
};

struct ToNodes {
  using Nodes = std::vector<std::string>;

  Nodes operator()(const Join& join) const { return {join.node}; }
  Nodes operator()(const Leave& leave) const { return {leave.node}; }
  Nodes operator()(const Remove& remove) const { return {remove.node}; }
  Nodes operator()(const Replace& replace) const { return {replace.node, replace.by}; }
  Nodes operator()(const Rebalance& /*rebalance*/) const { return {}; }
};

}  // namespace

std::string_view JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kJoin:
      return "join";
    case JobKind::kLeave:
      return "leave";
    case JobKind::kRemove:
      return "remove";
    case JobKind::kReplace:
      return "replace";
    case JobKind::kRebalance:
      return "rebalance";
    case JobKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

JobKind KindOf(const Change& change) {
  return std::visit(ToKind{}, change);
}

std::vector<std::string> NodesOf(const Change& change) {
  return std::visit(ToNodes{}, change);
}

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return "running";
    case JobState::kWaiting:
      return "waiting";
    case JobState::kAborting:
      return "aborting";
    case JobState::kDone:
      return "done";
    case JobState::kAborted:
      return "aborted";
    case JobState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace kvd::client
