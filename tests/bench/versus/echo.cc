#include "tests/bench/versus/echo.h"

#include <grpcpp/grpcpp.h>

#include <cstdlib>

#include "common/check.h"
#include "kvd/v1/kv.grpc.pb.h"
#include "tests/bench/versus/load.h"

namespace kvd::bench {
namespace {

using Service = v1::KV::AsyncService;

constexpr int kAnnounced = 256;

class Call {
 public:
  Call(Service& service, grpc::ServerCompletionQueue& queue) : service_(service), queue_(queue) {
    service_.RequestGet(&context_, &request_, &writer_, &queue_, &queue_, this);
  }

  void Proceed(bool ok) {
    if (!ok || finishing_) {
      delete this;
      return;
    }
    finishing_ = true;
    new Call(service_, queue_);
    v1::GetResponse response;
    response.set_found(true);
    response.set_value(std::string(kValueBytes, 'v'));
    response.set_version(1);
    response.mutable_served()->set_owner("n1");
    writer_.Finish(response, grpc::Status::OK, this);
  }

 private:
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  v1::GetRequest request_;
  grpc::ServerAsyncResponseWriter<v1::GetResponse> writer_{&context_};
  bool finishing_ = false;
};

}  // namespace

void ServeEcho(const std::string& address) {
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  KVD_CHECK(server != nullptr, "listen");
  for (int i = 0; i < kAnnounced; ++i) new Call(service, *queue);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Call*>(tag)->Proceed(ok);
  std::exit(0);
}

}  // namespace kvd::bench
