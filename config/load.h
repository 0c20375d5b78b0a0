// Reads the bytes of a cluster file: the only file this room opens.
//
// Threading: thread-safe, stateless.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "common/status.h"

namespace kvd::config {

// Where kvd looks when it is not told, in this order.
inline constexpr std::array<std::string_view, 2> kDefaultPaths = {"cluster.yaml",
                                                                  "/etc/kvd/cluster.yaml"};

// The content of the file at `path`, which may be a pipe. Fails, saying what to do, if there is no
// such file, it may not be read, is a directory, or is larger than a cluster file may be.
[[nodiscard]] StatusOr<std::string> Load(const std::string& path);

// The first of the default paths that exists; kNotFound, naming them, if none does.
[[nodiscard]] StatusOr<std::string> FindDefault();

}  // namespace kvd::config
