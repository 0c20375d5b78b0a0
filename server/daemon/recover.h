// `kvd recover`: what is left of a cluster becomes a cluster again, after a majority of it was lost
// for good. Offline, on the data directories of the survivors, and only with consent to the loss of
// data. What is decided is in topology/salvage.h; this room reads the disks, tells the operator,
// and writes:
//
//   1. IDENTITY of every directory: bound to the new cluster. kvd refuses to start on it from now
//   on
//   2. data and log of every directory: its copies end, or go on alone
//   3. TOPOLOGY of every directory: the new one. kvd starts on it
//
// Each step is durable everywhere before the next begins. A process that dies in between leaves
// directories that kvd refuses, naming this command; run again with the same ones it does what is
// missing. Repeating a step does no harm, because whoever is the best copy stays it.
//
// Threading: confined to the main thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/daemon/options.h"

namespace kvd::daemon {

struct RecoverLine {
  std::vector<std::string> data_dirs;
  bool accepts_data_loss = false;
};

// `argv` begins with the word "recover".
[[nodiscard]] std::variant<RecoverLine, Ended> ParseRecoverLine(int argc, const char* const* argv);

// Reports, and does it if the loss of data was accepted. kNotConfirmed: it was not, and nothing was
// changed. Every other refusal changed nothing either, and says what is in the way.
[[nodiscard]] Ended Recover(const RecoverLine& line);

}  // namespace kvd::daemon
