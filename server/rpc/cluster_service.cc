#include "server/rpc/cluster_service.h"

#include <fmt/format.h>

#include <utility>

#include "server/rpc/convert.h"
#include "server/rpc/unary_call.h"

namespace kvd::rpc {
namespace {

using Service = pb::Cluster::AsyncService;

constexpr int kAnnounced = 8;  // Calls per method at any time; others wait in gRPC.

grpc::Status Fill(const node::Node& node, Instant now, pb::PingResponse& response) {
  const node::ClusterView view = node.ViewCluster(now);
  response.set_cluster(view.cluster);
  response.set_node(view.self.name);
  if (!view.cluster_id.is_nil()) response.set_cluster_id(view.cluster_id.ToBytes());
  response.set_node_uuid(view.self.uuid.ToBytes());
  response.set_version(KVD_VERSION);
  response.set_feature_level(kFeatureLevel);
  return grpc::Status::OK;
}

grpc::Status Fill(const node::Node& node, Instant now, pb::GetStatusResponse& response) {
  ToProto(node.ViewCluster(now), response);
  return grpc::Status::OK;
}

grpc::Status Fill(const node::Node& node, Instant now, pb::GetRingResponse& response) {
  if (const auto view = node.ViewRing(now)) {
    ToProto(*view, response);
    return grpc::Status::OK;
  }
  const node::ClusterView cluster = node.ViewCluster(now);
  return ToGrpc(
      {.reason = Reason::kNodeJoining,
       .message = fmt::format("{} has no ring yet: {}", cluster.self.name, cluster.waiting_for),
       .metadata = {{"node", cluster.self.name}}});
}

grpc::Status Unheard() {
  return ToGrpc({.reason = Reason::kOverloaded,
                 .message = "too many requests are queued at the node asked, or it is stopping",
                 .retry_after = std::chrono::milliseconds(50)});
}

template <typename Request, typename Response>
class Question final : public UnaryCall<Service, Request, Response> {
 public:
  using Base = UnaryCall<Service, Request, Response>;
  using Method = typename Base::Method;

  static void New(const Method& method, runtime::Runtime& runtime) {
    (new Question(method, runtime))->Announce();
  }

 private:
  // Has the node answer. If the event is dropped unheard, because the node stops, the call is
  // refused: every call is finished exactly once.
  class Asked {
   public:
    explicit Asked(Question& question) : question_(&question) {}
    Asked(Asked&& other) noexcept : question_(std::exchange(other.question_, nullptr)) {}
    Asked& operator=(Asked&&) = delete;
    ~Asked() {
      if (question_ != nullptr) question_->Finish(Unheard());
    }

    void operator()(node::Node& node, Instant now) {
      Question& question = *std::exchange(question_, nullptr);
      question.Finish(Fill(node, now, question.response()));
    }

   private:
    Question* question_;
  };

  Question(const Method& method, runtime::Runtime& runtime) : Base(method), runtime_(runtime) {}

  void AnnounceNext() override { New(this->method(), runtime_); }
  void Handle() override { runtime_.TryPost(Asked(*this)); }

  runtime::Runtime& runtime_;
};

}  // namespace

void ClusterService::Start() {
  for (int i = 0; i < kAnnounced; ++i) {
    Question<pb::PingRequest, pb::PingResponse>::New({service_, &Service::RequestPing, loop_},
                                                     runtime_);
    Question<pb::GetStatusRequest, pb::GetStatusResponse>::New(
        {service_, &Service::RequestGetStatus, loop_}, runtime_);
    Question<pb::GetRingRequest, pb::GetRingResponse>::New(
        {service_, &Service::RequestGetRing, loop_}, runtime_);
  }
}

}  // namespace kvd::rpc
