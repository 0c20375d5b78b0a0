// Room on the disk for the day it is full: a file of no content that is given up then, so that
// votes and deletes are still written, and taken again when there is room.
//
//   RESERVE   beside the databases, all of its blocks allocated
//
// Threading: confined to its opener.
#pragma once

#include <cstdint>
#include <string>

#include "common/status.h"

namespace kvd::storage {

class Reserve {
 public:
  static constexpr uint64_t kDefaultBytes = uint64_t{64} << 20U;

  // Takes up what a run before this one left; nothing is allocated yet. `folder` is the data
  // directory.
  Reserve(const std::string& folder, uint64_t bytes = kDefaultBytes);

  // Allocates the file, or the rest of it, durable on return. No-op if it is there. If the disk has
  // no room for it beside `keep_free` more bytes, RESOURCE_EXHAUSTED and nothing is allocated;
  // other errors as files.h.
  [[nodiscard]] Status Take(uint64_t keep_free = 0);

  // Gives its room back to the disk, durable on return. No-op if it is not there.
  [[nodiscard]] Status Release();

  // The whole reserve is there.
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  const std::string path_;
  const std::string folder_;
  const uint64_t bytes_;
  bool held_ = false;
};

}  // namespace kvd::storage
