// A figure: the same load on several contestants, in turns, so that what the machine does besides
// falls on all of them; of each the round in the middle.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/bench/versus/load.h"

namespace kvd::bench {

struct Contestant {
  std::string name;
  std::function<LoadResult()> run;
  std::vector<pid_t> servers;  // Whose CPU is counted.
};

struct Standing {
  std::string name;
  LoadResult typical;
  double cpu_us = 0;  // Of the servers, per operation.
};

struct Figure {
  std::string name;
  std::vector<Standing> standings;

  // REQUIRES: the name is one of the contestants'.
  [[nodiscard]] const Standing& Of(const std::string& contestant) const;
};

[[nodiscard]] Figure Measure(const std::string& name, const std::vector<Contestant>& contestants,
                             int rounds);

// As lines of a table below its header, the first contestant's throughput beside the others'.
void PrintHeader();
void Print(const Figure& figure);

}  // namespace kvd::bench
