// Reads a cluster file strictly: every mistake is an error with its place, all of them at once, and
// nothing is guessed. What YAML would quietly accept (duplicate and unknown keys, `0700`, `yes`, a
// second document) is refused; so is a file whose keys are well-formed and do not fit together.
//
// Pure: load.h reads the bytes. Threading: values.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/cluster_file.h"
#include "config/diagnostic.h"

namespace kvd::config {

struct ParseResult {
  std::optional<ClusterFile> file;  // Set if and only if there is no error; warnings do not count.
  std::vector<Diagnostic> diagnostics;  // Sorted.
};

struct ParseOptions {
  // The node joins a cluster that exists, whose nodes need not all be listed. `cluster.id` says the
  // same.
  bool joins = false;
};

// Any bytes get an answer. Show the diagnostics with Render().
[[nodiscard]] ParseResult Parse(std::string_view text, ParseOptions options = {});

}  // namespace kvd::config
