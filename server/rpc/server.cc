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
      loop_(runtime),
      calls_(runtime),
      health_(loop_),
      kv_(loop_, calls_),
      admin_(loop_, calls_),
      cluster_(loop_, runtime),
      links_({.credentials = grpc::InsecureChannelCredentials(),
              .self = options.self,
              .connect_timeout = options.peer_connect},
             loop_, runtime, logger),
      peer_(loop_, runtime, links_),
      greeter_(grpc::InsecureChannelCredentials(), loop_, runtime) {}

Server::~Server() {
  Stop(Duration::zero());
}

Status Server::Start() {
  Status status = StartClientServer();
  if (status.ok()) status = StartPeerServer();
  if (!status.ok()) {
    Abandon();
    return status;
  }
  kv_.Start();
  admin_.Start();
  cluster_.Start();
  health_.Start();
  peer_.Start();
  loop_.Start();
  return OkStatus();
}

// Nothing was announced and the loop does not run.
void Server::Abandon() {
  if (client_server_ != nullptr) client_server_->Shutdown();
  loop_.Stop();
  client_server_ = nullptr;
}

Status Server::StartClientServer() {
  grpc::EnableDefaultHealthCheckService(false);
  if (options_.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  Configure(builder);
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &client_port_);
  builder.RegisterService(&kv_.service());
  builder.RegisterService(&admin_.service());
  builder.RegisterService(&cluster_.service());
  builder.RegisterService(&health_.service());
  client_server_ = loop_.Serve(builder);
  if (client_server_ == nullptr) return CannotListen(options_.listen, "listen");
  return OkStatus();
}

Status Server::StartPeerServer() {
  grpc::ServerBuilder builder;
  Configure(builder);
  int port = 0;
  builder.AddListeningPort(options_.peer_listen, grpc::InsecureServerCredentials(), &port);
  peer_.Register(builder);
  peer_server_ = loop_.Serve(builder);
  if (peer_server_ == nullptr) return CannotListen(options_.peer_listen, "peer_listen");
  return OkStatus();
}

void Server::SetServing(bool serving) {
  health_.SetServing(serving);
}

void Server::Stop(Duration grace) {
  if (peer_server_ == nullptr) return;
  const auto deadline = std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::milliseconds>(grace);
  health_.Stop();
  kv_.Stop();
  client_server_->Shutdown(deadline);
  loop_.AwaitReported();  // What was matched before the shutdown is posted first.
  calls_.AwaitAnswered();
  links_.Drain(std::max(Duration::zero(), std::chrono::duration_cast<Duration>(
                                              deadline - std::chrono::system_clock::now())));
  greeter_.Stop();
  peer_.Stop();
  links_.Stop();
  peer_server_->Shutdown(std::chrono::system_clock::now());
  loop_.AwaitReported();
  loop_.Stop();
  peer_server_ = nullptr;
  client_server_ = nullptr;
}

void Server::SetLinks(node::LinkSet links) {
  links_.SetTargets(std::move(links));
  if (!std::exchange(has_topology_, true)) SetServing(true);
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

void Server::AnswerCalls(std::vector<node::CallAnswer> answers) {
  calls_.Answer(std::move(answers));
}

}  // namespace kvd::rpc
