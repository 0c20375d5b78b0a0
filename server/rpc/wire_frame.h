// A frame as it is on the wire, in memory that is allotted and given up as one: it has hundreds of
// small parts, and the allocator's work for each costs more than what is done with it.
//
// Threading: confined to its owner.
#pragma once

#include <google/protobuf/arena.h>

#include <cstddef>
#include <memory>

#include "kvd/peer/v1/peer.pb.h"

namespace kvd::rpc {

class WireFrame {
 public:
  // An empty one in the place of the last, of which nothing may be used any more.
  [[nodiscard]] ::kvd::peer::v1::Frame& Renew() {
    arena_.Reset();
    frame_ = google::protobuf::Arena::CreateMessage<::kvd::peer::v1::Frame>(&arena_);
    return *frame_;
  }

  // REQUIRES: Renew() was called.
  [[nodiscard]] ::kvd::peer::v1::Frame& frame() { return *frame_; }

 private:
  // Of most frames; the arena asks for more where it is not enough.
  static constexpr size_t kBytes = 16384;

  [[nodiscard]] static google::protobuf::ArenaOptions OptionsWith(char* block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block;
    options.initial_block_size = kBytes;
    return options;
  }

  const std::unique_ptr<char[]> block_ = std::make_unique<char[]>(kBytes);
  google::protobuf::Arena arena_{OptionsWith(block_.get())};
  ::kvd::peer::v1::Frame* frame_ = nullptr;
};

}  // namespace kvd::rpc
