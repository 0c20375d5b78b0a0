#include "server/node/messages.h"

namespace kvd::node {

bool Fits(OperationKind kind, const Result& result) {
  if (std::holds_alternative<Refusal>(result)) return true;
  switch (kind) {
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
  }
  return false;
}

}  // namespace kvd::node
