#include "server/rpc/health_service.h"

#include "server/rpc/unary_call.h"

namespace kvd::rpc {
namespace {

namespace health_pb = ::grpc::health::v1;
using Service = health_pb::Health::AsyncService;
using Request = health_pb::HealthCheckRequest;
using Response = health_pb::HealthCheckResponse;

}  // namespace

class HealthService::CheckCall final : public UnaryCall<Service, Request, Response> {
 public:
  static void New(HealthService& owner) { (new CheckCall(owner))->Announce(); }

 private:
  explicit CheckCall(HealthService& owner)
      : UnaryCall({owner.service_, &Service::RequestCheck, owner.loop_}), owner_(owner) {}

  void AnnounceNext() override { New(owner_); }

  void Handle() override {
    const auto status = owner_.StatusOf(request().service());
    if (status == Response::SERVICE_UNKNOWN) {
      return Finish({grpc::StatusCode::NOT_FOUND, "no such service: " + request().service()});
    }
    response().set_status(status);
    Finish(grpc::Status::OK);
  }

  HealthService& owner_;
};

// A stream of changes. Owns itself: deleted when the client is gone, or was told the end.
class HealthService::Watch {
 public:
  static void New(HealthService& owner) {
    auto* watch = new Watch(owner);
    auto* queue = &owner.loop_.queue();
    watch->context_.AsyncNotifyWhenDone(&watch->gone_);
    owner.service_.RequestWatch(&watch->context_, &watch->request_, &watch->writer_, queue, queue,
                                &watch->matched_);
  }

  // Sends what was not sent yet, or else the end if there is to be one.
  void Tell() {
    if (writing_ || finishing_ || over_) return;
    const auto status = owner_.StatusOf(request_.service());
    if (status != sent_) {
      sent_ = status;
      response_.set_status(status);
      writing_ = true;
      return writer_.Write(response_, &written_);
    }
    if (!owner_.stopping_) return;
    finishing_ = true;
    writer_.Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the node is stopping"), &finished_);
  }

 private:
  explicit Watch(HealthService& owner) : owner_(owner) {}

  void OnMatched(bool ok) {
    if (!ok) {  // The server shuts down: no other step will be reported.
      delete this;
      return;
    }
    New(owner_);
    owner_.watches_.insert(this);
    Tell();
  }

  void OnWritten() {
    writing_ = false;
    Tell();
    DeleteIfDone();
  }

  void OnFinished() {
    finishing_ = false;
    DeleteIfDone();
  }

  void OnOver() {
    over_ = true;
    owner_.watches_.erase(this);
    DeleteIfDone();
  }

  void DeleteIfDone() {
    if (over_ && !writing_ && !finishing_) delete this;
  }

  HealthService& owner_;
  grpc::ServerContext context_;
  Request request_;
  Response response_;
  grpc::ServerAsyncWriter<Response> writer_{&context_};
  Tag matched_{[this](bool ok) { OnMatched(ok); }};
  Tag written_{[this](bool) { OnWritten(); }};
  Tag finished_{[this](bool) { OnFinished(); }};
  Tag gone_{[this](bool) { OnOver(); }};
  int sent_ = -1;
  bool writing_ = false;
  bool finishing_ = false;
  bool over_ = false;
};

void HealthService::Start() {
  CheckCall::New(*this);
  Watch::New(*this);
}

void HealthService::SetServing(bool serving) {
  loop_.Post([this, serving] {
    serving_ = serving;
    TellWatches();
  });
}

void HealthService::Stop() {
  loop_.Post([this] {
    serving_ = false;
    stopping_ = true;
    TellWatches();
  });
}

void HealthService::TellWatches() {
  for (Watch* watch : watches_) watch->Tell();
}

HealthService::ServingStatus HealthService::StatusOf(const std::string& service) const {
  const bool known = service.empty() || service == "kvd.v1.KV" || service == "kvd.v1.Cluster" ||
                     service == "kvd.v1.Admin";
  if (!known) return Response::SERVICE_UNKNOWN;
  return serving_ ? Response::SERVING : Response::NOT_SERVING;
}

}  // namespace kvd::rpc
