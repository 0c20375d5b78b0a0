// Channels between nodes, with the settings that reference material and measurements found right:
// see channel.cc.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace kvd::rpc {

// The largest message either side takes: a batch of 4 MiB and its frame.
inline constexpr int kMaxMessageBytes = 5 << 20;

// A connection of its own, shared with no other channel.
[[nodiscard]] std::shared_ptr<grpc::Channel> NewPeerChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace kvd::rpc
