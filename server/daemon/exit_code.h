// How kvd ends: the exit codes of sysexits.h, which systemd names. A contract with scripts.
#pragma once

namespace kvd::daemon {

enum ExitCode : int {
  kOk = 0,             // A clean stop.
  kNotConfirmed = 10,  // kvd recover: consent to the loss of data was not given, nothing was done.
  kUsage = 64,
  kDataDamaged = 65,
  kPortInUse = 69,
  kInternal = 70,
  kCannotCreate = 73,  // The data directory.
  kIoError = 74,       // A failed write or fsync, at any time.
  kLocked = 75,        // The data directory, by another process.
  kNoPermission = 77,
  kConfiguration = 78,  // The cluster file, or it does not fit the data directory.
};

}  // namespace kvd::daemon
