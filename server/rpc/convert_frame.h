// The parts of a frame between nodes, as protocol buffers: what convert.h is made of.
//
// Pure. Threading: values.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kvd/peer/v1/peer.pb.h"
#include "server/node/messages.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {

inline uint64_t Milliseconds(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms < 0 ? 0 : static_cast<uint64_t>(ms);
}

// Cut at a year: a peer's nonsense must not overflow our arithmetic.
inline Duration FromMilliseconds(uint64_t ms) {
  constexpr uint64_t kYear = 365ULL * 24 * 3600 * 1000;
  return std::chrono::milliseconds(std::min(ms, kYear));
}

// An absent UUID is nil; one of any other length than 16 bytes is an error.
[[nodiscard]] bool ReadUuid(const std::string& bytes, Uuid& out);
[[nodiscard]] std::string WriteUuid(const Uuid& uuid);

// nullopt, or false: the message is malformed, and the frame must be dropped.
[[nodiscard]] std::optional<node::Forward> Read(peer_pb::Forward& in);
[[nodiscard]] std::optional<node::ForwardReply> Read(peer_pb::ForwardReply& in);
[[nodiscard]] bool Read(const peer_pb::NodeCard& in, topology::NodeCard& out);
[[nodiscard]] bool ReadRaft(peer_pb::Frame& in, std::vector<node::GroupMessage>& out);

[[nodiscard]] std::optional<node::Administer> ReadAdmin(const peer_pb::Forward::Administer& in);
[[nodiscard]] node::PlanView ReadAdmin(const pb::PlanResponse& in);
[[nodiscard]] std::optional<node::Jobs> ReadAdmin(const pb::ListJobsResponse& in);
[[nodiscard]] std::optional<node::Groups> ReadAdmin(const pb::ListGroupsResponse& in);
[[nodiscard]] std::optional<node::Membership> Read(const peer_pb::Membership& in);

void Write(const topology::NodeCard& in, peer_pb::NodeCard& out);
void Write(node::Forward in, peer_pb::Forward& out);
void Write(node::ForwardReply in, peer_pb::ForwardReply& out);
void Write(node::GroupMessage in, peer_pb::Frame& out);
void WriteAdmin(const node::Administer& in, peer_pb::Forward::Administer& out);
void WriteAdmin(const node::PlanView& in, pb::PlanResponse& out);
void WriteAdmin(const node::Jobs& in, pb::ListJobsResponse& out);
void WriteAdmin(const node::Groups& in, pb::ListGroupsResponse& out);
void Write(const node::Membership& in, peer_pb::Membership& out);

}  // namespace kvd::rpc
