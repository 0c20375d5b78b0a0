#include "server/rpc/peer_service.h"

#include <utility>
#include <vector>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

const grpc::Status kStopping(grpc::StatusCode::UNAVAILABLE, "the node is stopping");

std::string MetadataOf(const grpc::CallbackServerContext& context, const char* key) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(key);
  return it == metadata.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

// Ends a stream before its first frame.
class RefusedLink final : public grpc::ServerBidiReactor<peer_pb::Frame, peer_pb::Frame> {
 public:
  explicit RefusedLink(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerUnaryReactor* PeerService::Hello(grpc::CallbackServerContext* context,
                                             const peer_pb::HelloRequest* request,
                                             peer_pb::HelloResponse* response) {
  auto* reactor = context->DefaultReactor();
  auto read = FromProto(*request);
  if (!read) {
    reactor->Finish(
        ToGrpc({.reason = Reason::kBadRequest,
                .message = "malformed Hello: an identity is missing or has a wrong length"}));
    return reactor;
  }
  topology::HelloId id;
  bool stopping = false;
  {
    absl::MutexLock lock(&mu_);
    stopping = stopping_;
    id = topology::HelloId{++last_id_};
    if (!stopping) waiting_[id] = {reactor, response};
  }
  if (stopping) {
    reactor->Finish(kStopping);
    return reactor;
  }
  runtime_.Post([id, request = *std::move(read)](node::Node& node, Instant now) {
    node.OnHello(id, request, now);
  });
  return reactor;
}

void PeerService::Answer(topology::HelloId id, const topology::HelloResponse& response) {
  Waiting waiting;
  {
    absl::MutexLock lock(&mu_);
    const auto taken = waiting_.extract(id);
    if (!taken) return;
    waiting = taken.mapped();
  }
  *waiting.response = ToProto(response);
  waiting.reactor->Finish(grpc::Status::OK);
}

void PeerService::Stop() {
  std::map<topology::HelloId, Waiting> waiting;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    waiting = std::exchange(waiting_, {});
  }
  for (const auto& [id, call] : waiting) call.reactor->Finish(kStopping);
}

grpc::ServerBidiReactor<peer_pb::Frame, peer_pb::Frame>* PeerService::Link(
    grpc::CallbackServerContext* context) {
  const DialledLink::Introduction introduction{.cluster_id = MetadataOf(*context, "kvd-cluster"),
                                               .from = MetadataOf(*context, "kvd-from"),
                                               .to = MetadataOf(*context, "kvd-to")};
  const auto peer = links_.Recognise(introduction);
  if (!peer) {
    return new RefusedLink(ToGrpc({.reason = Reason::kWrongNode,
                                   .message = "this node keeps no link with " + introduction.from +
                                              " of cluster " + introduction.cluster_id}));
  }
  return AcceptedLink::New(*peer, links_, *context);
}

}  // namespace kvd::rpc
