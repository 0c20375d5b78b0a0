// Ctrl-C during a write: says that its outcome is unknown, and then dies of the signal as a shell
// expects (130, 143).
//
// Threading: confined to the main thread.
#pragma once

namespace kvd::kvctl {

// Ignores SIGPIPE, so that a reader that goes away is an error of write(), and watches SIGINT and
// SIGTERM.
void HandleSignals();

// While one exists, a write may be on its way.
class WriteInFlight {
 public:
  WriteInFlight();
  ~WriteInFlight();
  WriteInFlight(const WriteInFlight&) = delete;
  WriteInFlight& operator=(const WriteInFlight&) = delete;
};

}  // namespace kvd::kvctl
