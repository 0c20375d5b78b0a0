#include "client/error.h"

namespace kvd::client {

std::string_view KindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadRequest:
      return "bad request";
    case ErrorKind::kUnreachable:
      return "unreachable";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kTimedOut:
      return "timed out";
    case ErrorKind::kOutcomeUnknown:
      return "outcome unknown";
    case ErrorKind::kFault:
      return "fault";
  }
  return "fault";
}

std::ostream& operator<<(std::ostream& out, ErrorKind kind) {
  return out << KindName(kind);
}

}  // namespace kvd::client
