#include "client/connection.h"

#include <fmt/format.h>
#include <grpc/support/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>

#include "client/grpc_time.h"

namespace kvd::client {
namespace {

// Above the largest value with its key; the default, 4 MiB, is not.
constexpr int kMaxMessageBytes = 5 * 1024 * 1024;

grpc::ChannelArguments Arguments(const ConnectionOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // A connection of our own: no back-off inherited from an earlier channel to the same address.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Whoever vanished without a word is noticed; a node allows a ping every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options.authority);
  return arguments;
}

// Fails at once on a channel that cannot connect, and says why.
std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline) {
  grpc::ClientContext context;
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  context.set_deadline(ToGrpc(std::min(deadline, soon)));
  v1::PingResponse response;
  return v1::Cluster::NewStub(channel)->Ping(&context, {}, &response).error_message();
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

bool Connection::IsReady() const {
  return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
}

std::string ExplainHandshake(const std::string& grpc_message, bool tls) {
  if (tls && (Contains(grpc_message, "wrong version number") ||
              Contains(grpc_message, "WRONG_VERSION_NUMBER"))) {
    return "the node does not speak TLS";
  }
  if (tls && Contains(grpc_message, "ertificate verify failed")) {
    return "TLS: its certificate is not signed by the CA given";
  }
  if (tls && (Contains(grpc_message, "peer name") || Contains(grpc_message, "Peer name"))) {
    return "TLS: its certificate is for another host name";
  }
  if (tls) {
    return "TLS handshake failed: if the cluster wants client certificates, give one it trusts";
  }
  return "connected, but the other side closed the connection: not kvd, or one that wants TLS "
         "(then "
         "give its CA)";
}

std::shared_ptr<grpc::Channel> MakeChannel(const ConnectionOptions& options) {
  return grpc::CreateCustomChannel(options.target, options.credentials, Arguments(options));
}

OpenedChannel OpenChannel(const ConnectionOptions& options, Deadline deadline) {
  auto channel = MakeChannel(options);
  while (true) {
    const auto state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return {.channel = std::move(channel)};
    if (state == GRPC_CHANNEL_SHUTDOWN) return {.why = "the TLS files were not accepted"};
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      return {.why = ExplainHandshake(WhyNotConnected(channel, deadline), options.tls)};
    }
    if (!channel->WaitForStateChange(state, ToGrpc(deadline))) {
      return {.why = "connected, but no answer: frozen, or not kvd", .timed_out = true};
    }
  }
}

}  // namespace kvd::client
