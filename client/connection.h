// One HTTP/2 connection to one endpoint, known to have been open: a call on it is sent.
//
// Threading: thread-safe.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "client/resolve.h"
#include "kvd/v1/admin.grpc.pb.h"
#include "kvd/v1/cluster.grpc.pb.h"
#include "kvd/v1/kv.grpc.pb.h"

namespace kvd::client {

struct Connection {
  size_t endpoint = 0;  // Its position in the options.
  std::string name;     // As it was given in the options.
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::KV::Stub> kv;
  std::unique_ptr<v1::Cluster::Stub> cluster;
  std::unique_ptr<v1::Admin::Stub> admin;

  // False once the connection is known to be broken. Connecting again is left to whoever asks.
  [[nodiscard]] bool IsReady() const;
};

struct ConnectionOptions {
  std::string target;     // The address that answered.
  std::string authority;  // Whom we mean to talk to: host:port, checked against the certificate.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  bool tls = false;
};

// Connects when it is used, and again when it broke.
[[nodiscard]] std::shared_ptr<grpc::Channel> MakeChannel(const ConnectionOptions& options);

struct OpenedChannel {
  std::shared_ptr<grpc::Channel> channel{};  // Null if the handshakes failed,
  std::string why{};                         // and why.
  bool timed_out = false;                    // It failed only by the deadline.
};

// Does the TLS and HTTP/2 handshakes; blocks for as long as they take, at most until the deadline.
[[nodiscard]] OpenedChannel OpenChannel(const ConnectionOptions& options, Deadline deadline);

// What a failed handshake means, from gRPC's words for it.
[[nodiscard]] std::string ExplainHandshake(const std::string& grpc_message, bool tls);

}  // namespace kvd::client
