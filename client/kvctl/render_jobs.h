// Jobs, as a table, as objects, and as the one line that shows how far one is.
//
// Pure. Threading: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/change.h"

namespace kvd::kvctl {

// "job 7 join n4", "job 8 replace n3 n4"; without a number "join n4".
[[nodiscard]] std::string JobTitle(const client::Job& job);

// Of its copies; 100 if there are none to make.
[[nodiscard]] uint64_t PercentDone(const client::Job& job);

// The title, how far, how fast and for how long, or why not.
[[nodiscard]] std::string JobLine(const client::Job& job);

// As JobLine(), with a bar, and never wider than `columns`.
[[nodiscard]] std::string ProgressBar(const client::Job& job, size_t columns);

// A line per job; "no jobs" if there are none.
[[nodiscard]] std::string JobsTable(const std::vector<client::Job>& jobs, bool colour);

// An object, a line.
[[nodiscard]] std::string JobJson(const client::Job& job);
[[nodiscard]] std::string JobsJson(const std::vector<client::Job>& jobs);

}  // namespace kvd::kvctl
