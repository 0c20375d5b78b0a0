// What gRPC and protobuf would print to stderr in forms of their own, as lines of our log.
//
// Threading: construction and destruction belong to the assembler, one at a time in a process;
// lines come from any thread.
#pragma once

#include "common/log.h"

namespace kvd::rpc {

// While it lives, what the libraries say goes to `logger`, which must outlive it. What protobuf
// says any client can provoke (text that is not UTF-8), so that is one line a second at most.
class LibraryLog {
 public:
  explicit LibraryLog(Logger& logger);
  ~LibraryLog();
  LibraryLog(const LibraryLog&) = delete;
  LibraryLog& operator=(const LibraryLog&) = delete;
};

}  // namespace kvd::rpc
