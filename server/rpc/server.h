// Everything of kvd that talks: the clients' port, the peers' port, the links and the greetings.
// The runtime's way to the network.
//
// Threading: Start() and Stop() belong to the assembler; Transport is called by the shard.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "server/observability/metrics_page.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/calls.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/greeter.h"
#include "server/rpc/health_service.h"
#include "server/rpc/kv_service.h"
#include "server/rpc/links.h"
#include "server/rpc/peer_service.h"
#include "server/runtime/runtime.h"
#include "server/runtime/transport.h"

namespace kvd::rpc {

class Server final : public runtime::Transport {
 public:
  struct Options {
    std::string listen;       // host:port of clients; port 0 picks a free one.
    std::string peer_listen;  // Likewise for peers.
    Uuid self;
    Duration peer_connect = std::chrono::milliseconds(500);
    bool reflection = false;
  };

  Server(const Options& options, runtime::Runtime& runtime, Logger& logger);
  ~Server() override;

  // Binds both ports and serves; before Runtime::Start(). UNAVAILABLE, naming the port, if one is
  // taken.
  [[nodiscard]] Status Start();

  // grpc.health.v1: whether to send clients here. Set by itself once the node has a topology.
  void SetServing(bool serving);

  // Of what clients asked since the start; on any thread.
  void AddMetrics(observability::MetricsPage& page) { calls_.metrics().AddTo(page); }

  // Refuses new connections, lets calls end for up to `grace`, then cancels them. The runtime must
  // still run: it answers what is underway.
  void Stop(Duration grace);

  [[nodiscard]] int client_port() const { return client_port_; }

  void SetLinks(node::LinkSet links) override;
  void Send(NodeId peer, node::Frame frame) override;
  void Greet(topology::FoundingEffects::Greeting greeting) override;
  void AnswerHello(topology::HelloId id, topology::HelloResponse response) override;
  void AnswerCalls(std::vector<node::CallAnswer> answers) override;

 private:
  [[nodiscard]] Status StartClientServer();
  [[nodiscard]] Status StartPeerServer();
  void Abandon();

  const Options options_;
  EventLoop loop_;
  Calls calls_;
  HealthService health_;
  KvService kv_;
  AdminService admin_;
  ClusterService cluster_;
  Links links_;
  PeerService peer_;
  Greeter greeter_;
  std::unique_ptr<grpc::Server> client_server_;
  std::unique_ptr<grpc::Server> peer_server_;
  bool has_topology_ = false;  // Shard.
  int client_port_ = 0;
};

}  // namespace kvd::rpc
