#include "server/daemon/rights.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace kvd::daemon {
namespace {

// Judged by the user in force, which may have changed since the process began.
bool MayUse(const std::filesystem::path& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

// The directory itself, or the nearest one above that is there, in which it would be created.
std::filesystem::path NearestThere(std::filesystem::path path) {
  std::error_code ignored;
  while (!path.empty() && !std::filesystem::exists(path, ignored) && path != path.root_path()) {
    path = path.parent_path();
  }
  return path.empty() ? "." : path;
}

std::string Whoever() {
  return fmt::format("user {}", geteuid());
}

// Why nothing could be created at `path`, or in it if it is there.
std::optional<std::string> WhyNoFolder(const std::string& path) {
  const std::filesystem::path there = NearestThere(path);
  std::error_code ignored;
  if (!std::filesystem::is_directory(there, ignored)) {
    return fmt::format("{} is not a directory", there.string());
  }
  if (MayUse(there, R_OK | W_OK | X_OK)) return std::nullopt;
  return fmt::format("{} may not read and write {}", Whoever(), there.string());
}

std::optional<std::string> WhyNoFile(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    const std::filesystem::path in = folder.empty() ? "." : folder;
    if (MayUse(in, W_OK | X_OK)) return std::nullopt;
    return fmt::format("{} may not create a file in {}", Whoever(), in.string());
  }
  if (std::filesystem::is_directory(path, ignored)) return path + " is a directory";
  if (MayUse(path, W_OK)) return std::nullopt;
  return fmt::format("{} may not write {}", Whoever(), path);
}

}  // namespace

std::optional<std::string> WhatIsOutOfReach(const Setup& setup) {
  if (const auto why = WhyNoFolder(setup.node.data_dir)) {
    return fmt::format("data_dir of {}: {}; create {} and give it to the user kvd runs as",
                       setup.node.name, *why, setup.node.data_dir);
  }
  if (setup.file.log.file.empty()) return std::nullopt;
  if (const auto why = WhyNoFile(setup.file.log.file)) {
    return fmt::format("log.file: {}; name a file that the user kvd runs as may write", *why);
  }
  return std::nullopt;
}

}  // namespace kvd::daemon
