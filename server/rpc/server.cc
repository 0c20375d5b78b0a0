#include "server/rpc/server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "server/rpc/channel.h"

namespace kvd::rpc {
namespace {

void Configure(grpc::ServerBuilder& builder) {
  // On by default: two processes would share a port and split its traffic.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
}

Status CannotListen(const std::string& address, std::string_view key) {
  return MakeStatus(
      StatusCode::kUnavailable,
      fmt::format("cannot listen on {} ({}): the port is in use, or the address is not "
                  "of this host",
                  address, key));
}

}  // namespace

Server::Server(const Options& options, runtime::Runtime& runtime, Logger& logger)
    : options_(options),
      kv_(runtime),
      cluster_(runtime),
      links_({.credentials = grpc::InsecureChannelCredentials(),
              .self = options.self,
              .connect_timeout = options.peer_connect},
             runtime, logger),
      peer_(runtime, links_),
      greeter_(grpc::InsecureChannelCredentials(), runtime) {}

Server::~Server() {
  Stop(Duration::zero());
}

Status Server::Start() {
  KVD_RETURN_IF_ERROR(StartPeerServer());
  return StartClientServer();
}

Status Server::StartPeerServer() {
  grpc::ServerBuilder builder;
  Configure(builder);
  int port = 0;
  builder.AddListeningPort(options_.peer_listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&peer_);
  peer_server_ = builder.BuildAndStart();
  if (peer_server_ == nullptr) return CannotListen(options_.peer_listen, "peer_listen");
  return OkStatus();
}

Status Server::StartClientServer() {
  grpc::EnableDefaultHealthCheckService(true);
  if (options_.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  Configure(builder);
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &client_port_);
  builder.RegisterService(&cluster_);
  kv_.Register(builder);
  client_server_ = builder.BuildAndStart();
  if (client_server_ == nullptr) {
    Stop(Duration::zero());
    return CannotListen(options_.listen, "listen");
  }
  kv_.Start();
  SetServing(false);
  return OkStatus();
}

void Server::SetServing(bool serving) {
  auto* health = client_server_->GetHealthCheckService();
  health->SetServingStatus(serving);
  health->SetServingStatus("kvd.v1.KV", serving);
  health->SetServingStatus("kvd.v1.Cluster", serving);
}

void Server::Stop(Duration grace) {
  const auto deadline = std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::milliseconds>(grace);
  if (client_server_ != nullptr) client_server_->Shutdown(deadline);
  kv_.Stop();
  client_server_ = nullptr;
  if (peer_server_ == nullptr) return;
  links_.Drain(std::max(Duration::zero(), std::chrono::duration_cast<Duration>(
                                              deadline - std::chrono::system_clock::now())));
  greeter_.Stop();
  peer_.Stop();
  links_.Stop();
  peer_server_->Shutdown(std::chrono::system_clock::now());
  peer_server_ = nullptr;
}

void Server::SetLinks(node::LinkSet links) {
  links_.SetTargets(std::move(links));
  SetServing(true);
}

void Server::Send(NodeId peer, node::Frame frame) {
  links_.Send(peer, std::move(frame));
}

void Server::Greet(topology::FoundingEffects::Greeting greeting) {
  greeter_.Greet(greeting);
}

void Server::AnswerHello(topology::HelloId id, topology::HelloResponse response) {
  peer_.Answer(id, response);
}

void Server::AnswerCall(node::CallId call, node::Answer answer) {
  kv_.Answer(call, std::move(answer));
}

}  // namespace kvd::rpc
