#include "server/rpc/cluster_service.h"

#include <fmt/format.h>

#include <utility>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

// Has the node fill in an answer. If the event is dropped unheard, because the node stops, the call
// is refused: every reactor is finished exactly once.
class Question {
 public:
  explicit Question(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  Question(Question&& other) noexcept : reactor_(std::exchange(other.reactor_, nullptr)) {}
  Question& operator=(Question&&) = delete;
  ~Question() {
    if (reactor_ == nullptr) return;
    Finish(ToGrpc({.reason = Reason::kOverloaded,
                   .message = "too many requests are queued at the node asked, or it is stopping",
                   .retry_after = std::chrono::milliseconds(50)}));
  }

  void Finish(const grpc::Status& status) { std::exchange(reactor_, nullptr)->Finish(status); }

 private:
  grpc::ServerUnaryReactor* reactor_;
};

}  // namespace

grpc::ServerUnaryReactor* ClusterService::Ping(grpc::CallbackServerContext* context,
                                               const pb::PingRequest*, pb::PingResponse* response) {
  auto* reactor = context->DefaultReactor();
  runtime_.TryPost([question = Question(reactor), response](node::Node& node, Instant now) mutable {
    const node::ClusterView view = node.ViewCluster(now);
    response->set_cluster(view.cluster);
    response->set_node(view.self.name);
    if (!view.cluster_id.is_nil()) response->set_cluster_id(view.cluster_id.ToBytes());
    response->set_node_uuid(view.self.uuid.ToBytes());
    response->set_version(KVD_VERSION);
    response->set_feature_level(kFeatureLevel);
    question.Finish(grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::GetStatus(grpc::CallbackServerContext* context,
                                                    const pb::GetStatusRequest*,
                                                    pb::GetStatusResponse* response) {
  auto* reactor = context->DefaultReactor();
  runtime_.TryPost([question = Question(reactor), response](node::Node& node, Instant now) mutable {
    ToProto(node.ViewCluster(now), *response);
    question.Finish(grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::GetRing(grpc::CallbackServerContext* context,
                                                  const pb::GetRingRequest*,
                                                  pb::GetRingResponse* response) {
  auto* reactor = context->DefaultReactor();
  runtime_.TryPost([question = Question(reactor), response](node::Node& node, Instant now) mutable {
    const auto view = node.ViewRing(now);
    if (!view) {
      const node::ClusterView cluster = node.ViewCluster(now);
      return question.Finish(ToGrpc(
          {.reason = Reason::kNodeJoining,
           .message = fmt::format("{} has no ring yet: {}", cluster.self.name, cluster.waiting_for),
           .metadata = {{"node", cluster.self.name}}}));
    }
    ToProto(*view, *response);
    question.Finish(grpc::Status::OK);
  });
  return reactor;
}

}  // namespace kvd::rpc
