#include "client/kvctl/exit_code.h"

namespace kvd::kvctl {
namespace {

ExitCode OfRefusal(Reason reason) {
  switch (reason) {
    case Reason::kNoMajority:
    case Reason::kNodeDraining:
    case Reason::kNodeJoining:
    case Reason::kNotOwner:
    case Reason::kBaseTooOld:
      return ExitCode::kRefused;
    case Reason::kOutcomeUnknown:
      return ExitCode::kOutcomeUnknown;
    case Reason::kKeyTooLarge:
    case Reason::kValueTooLarge:
    case Reason::kOverloaded:
    case Reason::kDiskFull:
      return ExitCode::kLimit;
    case Reason::kBadRequest:
      return ExitCode::kUsage;
    case Reason::kUnauthenticated:
    case Reason::kPermissionDenied:
      return ExitCode::kNotPermitted;
    case Reason::kUnsafeChange:
    case Reason::kJobConflict:
      return ExitCode::kUnsafe;
    case Reason::kNotFound:
      return ExitCode::kNotFound;
    case Reason::kDataDamaged:
      return ExitCode::kDamaged;
    case Reason::kWrongCluster:
    case Reason::kWrongNode:
    case Reason::kNameInUse:
    case Reason::kNodeRemoved:
    case Reason::kStaleRequest:
    case Reason::kInternal:
      return ExitCode::kError;
  }
  return ExitCode::kError;
}

}  // namespace

ExitCode ExitCodeOf(const client::Error& error) {
  switch (error.kind) {
    case client::ErrorKind::kBadRequest:
      return ExitCode::kUsage;
    case client::ErrorKind::kUnreachable:
      return ExitCode::kUnreachable;
    case client::ErrorKind::kRefused:
      return OfRefusal(error.reason.value_or(Reason::kInternal));
    case client::ErrorKind::kTimedOut:
      return ExitCode::kRefused;
    case client::ErrorKind::kOutcomeUnknown:
      return ExitCode::kOutcomeUnknown;
    case client::ErrorKind::kFault:
      return ExitCode::kError;
  }
  return ExitCode::kError;
}

bool IsPassing(const client::Error& error) {
  const ExitCode code = ExitCodeOf(error);
  return code == ExitCode::kUnreachable || code == ExitCode::kRefused || code == ExitCode::kLimit;
}

}  // namespace kvd::kvctl
