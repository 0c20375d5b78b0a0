// The picture of a run: bars of throughput above bars of p99 latency, a group for each figure.
#pragma once

#include <string>

#include "tests/bench/versus/findings.h"

namespace kvd::bench {

// Draws a PNG with gnuplot. Empty if that was done; else what went wrong.
[[nodiscard]] std::string Draw(const Findings& findings, const std::string& file);

// Whether there is a gnuplot that draws PNGs.
[[nodiscard]] bool CanDraw();

}  // namespace kvd::bench
