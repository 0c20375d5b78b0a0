#include "client/answers.h"

namespace kvd::client {

std::string_view StateName(NodeState state) {
  switch (state) {
    case NodeState::kUp:
      return "up";
    case NodeState::kSuspect:
      return "suspect";
    case NodeState::kDown:
      return "down";
    case NodeState::kJoining:
      return "joining";
    case NodeState::kDraining:
      return "draining";
    case NodeState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace kvd::client
