// Frames to the wire and back as values, for tests.
#pragma once

#include <optional>
#include <utility>

#include "server/rpc/convert.h"

namespace kvd::rpc {

inline peer_pb::Frame ToProto(node::Frame frame) {
  peer_pb::Frame out;
  Write(std::move(frame), out);
  return out;
}

inline std::optional<node::Frame> FromProto(peer_pb::Frame in) {
  return Take(in);
}

}  // namespace kvd::rpc
