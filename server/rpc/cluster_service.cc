#include "server/rpc/cluster_service.h"

#include <fmt/format.h>

#include <optional>
#include <type_traits>

#include "server/rpc/convert.h"
#include "server/rpc/unary_call.h"
#include "server/runtime/look.h"

namespace kvd::rpc {
namespace {

using Service = pb::Cluster::AsyncService;

constexpr int kAnnounced = 8;  // Calls per method at any time; others wait in gRPC.

grpc::Status Fill(const runtime::Seen& seen, pb::PingResponse& response) {
  const node::ClusterView& view = seen.cluster;
  response.set_cluster(view.cluster);
  response.set_node(view.self.name);
  if (!view.cluster_id.is_nil()) response.set_cluster_id(view.cluster_id.ToBytes());
  response.set_node_uuid(view.self.uuid.ToBytes());
  response.set_version(KVD_VERSION);
  response.set_feature_level(kFeatureLevel);
  return grpc::Status::OK;
}

grpc::Status Fill(const runtime::Seen& seen, pb::GetStatusResponse& response) {
  ToProto(seen.cluster, response);
  return grpc::Status::OK;
}

grpc::Status Fill(const runtime::Seen& seen, pb::GetRingResponse& response) {
  if (seen.ring) {
    ToProto(*seen.ring, response);
    return grpc::Status::OK;
  }
  const node::ClusterView& view = seen.cluster;
  return ToGrpc({.reason = Reason::kNodeJoining,
                 .message = fmt::format("{} has no ring yet: {}", view.self.name, view.waiting_for),
                 .metadata = {{"node", view.self.name}}});
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
  Question(const Method& method, runtime::Runtime& runtime) : Base(method), runtime_(runtime) {}

  void AnnounceNext() override { New(this->method(), runtime_); }

  void Handle() override {
    constexpr bool kAtRing = std::is_same_v<Response, pb::GetRingResponse>;
    runtime::Look(runtime_, kAtRing, [this](const std::optional<runtime::Seen>& seen) {
      this->Finish(seen ? Fill(*seen, this->response()) : Unheard());
    });
  }

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
