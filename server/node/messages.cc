#include "server/node/messages.h"

namespace kvd::node {

namespace {

bool Fits(const Administer& asked, const Result& result) {
  if (std::holds_alternative<PlanChange>(asked.request)) {
    return std::holds_alternative<PlanView>(result);
  }
  if (const auto* list = std::get_if<ListGroups>(&asked.request)) {
    const auto* groups = std::get_if<Groups>(&result);
    return groups != nullptr && (!list->partition || groups->groups.size() == 1);
  }
  const auto* jobs = std::get_if<Jobs>(&result);
  if (jobs == nullptr) return false;
  const auto* list = std::get_if<ListJobs>(&asked.request);
  return (list != nullptr && !list->job) || jobs->jobs.size() == 1;
}

}  // namespace

bool Fits(const Operation& operation, const Result& result) {
  if (std::holds_alternative<Refusal>(result)) return true;
  switch (operation.kind()) {
    case OperationKind::kGet:
      return std::holds_alternative<Found>(result) || std::holds_alternative<Absent>(result);
    case OperationKind::kPut:
    case OperationKind::kBatch:
      return std::holds_alternative<Written>(result) || std::holds_alternative<Mismatch>(result);
    case OperationKind::kDelete:
      return std::holds_alternative<Written>(result) || std::holds_alternative<Absent>(result) ||
             std::holds_alternative<Mismatch>(result);
    case OperationKind::kIncrement:
      return std::holds_alternative<Incremented>(result);
    case OperationKind::kAdminister:
      return Fits(std::get<Administer>(operation.action), result);
  }
  return false;
}

}  // namespace kvd::node
