#include "server/rpc/peer_service.h"

#include <memory>
#include <utility>

#include "server/rpc/convert.h"
#include "server/rpc/unary_call.h"

namespace kvd::rpc {
namespace {

using Service = peer_pb::Peer::AsyncService;

constexpr int kAnnounced = 8;  // Calls per method at any time; others wait in gRPC.

const grpc::Status kStopping(grpc::StatusCode::UNAVAILABLE, "the node is stopping");

std::string MetadataOf(const grpc::ServerContext& context, const char* key) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(key);
  return it == metadata.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

}  // namespace

class PeerService::HelloCall final
    : public UnaryCall<Service, peer_pb::HelloRequest, peer_pb::HelloResponse> {
 public:
  static void New(PeerService& owner) { (new HelloCall(owner))->Announce(); }

  [[nodiscard]] const peer_pb::HelloRequest& hello() { return request(); }

  void Answer(const topology::HelloResponse& answer) {
    response() = ToProto(answer);
    Finish(grpc::Status::OK);
  }
  void Refuse(const grpc::Status& status) { Finish(status); }

 private:
  explicit HelloCall(PeerService& owner)
      : UnaryCall({owner.service_, &Service::RequestHello, owner.loop_}), owner_(owner) {}

  void AnnounceNext() override { New(owner_); }
  void Handle() override { owner_.Ask(*this); }

  PeerService& owner_;
};

// Becomes a link, or refuses to be one.
class PeerService::LinkCall final : public Completion {
 public:
  static void New(PeerService& owner) {
    auto* call = new LinkCall(owner);
    auto* queue = &owner.loop_.queue();
    owner.service_.RequestLink(&call->call_->context, &call->call_->stream, queue, queue,
                               static_cast<Completion*>(call));
  }

  void Proceed(bool ok) override {
    if (ok && !refusing_) {
      New(owner_);
      if (!Accept()) return;
    }
    delete this;
  }

 private:
  explicit LinkCall(PeerService& owner)
      : owner_(owner), call_(std::make_unique<AcceptedLink::Call>()) {}

  // False: the refusal is on its way.
  bool Accept() {
    const grpc::ServerContext& context = call_->context;
    const Introduction introduction{.cluster_id = MetadataOf(context, "kvd-cluster"),
                                    .from = MetadataOf(context, "kvd-from"),
                                    .to = MetadataOf(context, "kvd-to")};
    const auto recognised = owner_.links_.Recognise(introduction);
    if (const auto* peer = std::get_if<LinkPeer>(&recognised)) {
      AcceptedLink::New(*peer, owner_.links_, std::move(call_));
      return true;
    }
    refusing_ = true;
    call_->stream.Finish(ToGrpc(std::get<Refusal>(recognised)), static_cast<Completion*>(this));
    return false;
  }

  PeerService& owner_;
  std::unique_ptr<AcceptedLink::Call> call_;
  bool refusing_ = false;
};

// gRPC itself would refuse what the port does not know, on a queue that nobody polls.
class PeerService::UnknownCall final : public Completion {
 public:
  static void New(PeerService& owner) {
    auto* call = new UnknownCall(owner);
    auto* queue = &owner.loop_.queue();
    owner.unknown_.RequestCall(&call->context_, &call->stream_, queue, queue,
                               static_cast<Completion*>(call));
  }

  void Proceed(bool ok) override {
    if (!ok || refusing_) {
      delete this;
      return;
    }
    refusing_ = true;
    New(owner_);
    stream_.Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                                "this port is for the nodes of the cluster; clients have another"),
                   static_cast<Completion*>(this));
  }

 private:
  explicit UnknownCall(PeerService& owner) : owner_(owner) {}

  PeerService& owner_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  bool refusing_ = false;
};

void PeerService::Register(grpc::ServerBuilder& builder) {
  builder.RegisterService(&service_);
  builder.RegisterAsyncGenericService(&unknown_);
}

void PeerService::Start() {
  for (int i = 0; i < kAnnounced; ++i) {
    HelloCall::New(*this);
    LinkCall::New(*this);
    UnknownCall::New(*this);
  }
}

void PeerService::Ask(HelloCall& call) {
  auto read = FromProto(call.hello());
  if (!read) {
    return call.Refuse(
        ToGrpc({.reason = Reason::kBadRequest,
                .message = "malformed Hello: an identity is missing or has a wrong length"}));
  }
  topology::HelloId id;
  bool stopping = false;
  {
    absl::MutexLock lock(&mu_);
    stopping = stopping_;
    id = topology::HelloId{++last_id_};
    if (!stopping) waiting_[id] = &call;
  }
  if (stopping) return call.Refuse(kStopping);
  runtime_.PostToFirst([id, request = *std::move(read)](node::Node& node, Instant now) {
    node.OnHello(id, request, now);
  });
}

void PeerService::Answer(topology::HelloId id, const topology::HelloResponse& response) {
  HelloCall* call = nullptr;
  {
    absl::MutexLock lock(&mu_);
    const auto taken = waiting_.extract(id);
    if (!taken) return;
    call = taken.mapped();
  }
  call->Answer(response);
}

void PeerService::Stop() {
  std::map<topology::HelloId, HelloCall*> waiting;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    waiting = std::exchange(waiting_, {});
  }
  for (const auto& [id, call] : waiting) call->Refuse(kStopping);
}

}  // namespace kvd::rpc
