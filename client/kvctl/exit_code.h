// kvctl's exit codes: a contract with scripts.
//
// Pure. Threading: values.
#pragma once

#include "client/error.h"

namespace kvd::kvctl {

enum class ExitCode : int {
  kDone = 0,
  kError = 1,           // A server's fault, a local file.
  kUsage = 2,           //
  kNotFound = 3,        // The key, node or job does not exist.
  kNotWritten = 4,      // A condition failed.
  kUnreachable = 5,     // Nobody answered; nothing was sent.
  kRefused = 6,         // For now; nothing was applied.
  kOutcomeUnknown = 7,  // Writes only.
  kNotPermitted = 8,    //
  kLimit = 9,           // Size, overload, disk full.
  kUnsafe = 10,         // A change refused because it is unsafe.
  kDamaged = 11,        //
  kDegraded = 12,       // The cluster is not healthy; a job was aborted.
};

[[nodiscard]] ExitCode ExitCodeOf(const client::Error& error);

// Time may mend it: whoever waits for something asks again.
[[nodiscard]] bool IsPassing(const client::Error& error);

}  // namespace kvd::kvctl
