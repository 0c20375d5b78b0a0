#include "server/rpc/greeter.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <utility>

#include "absl/synchronization/notification.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/rpc/channel.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {

struct Greeter::Call {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<peer_pb::Peer::Stub> stub;
  grpc::ClientContext context;
  peer_pb::HelloRequest request;
  peer_pb::HelloResponse response;
  absl::Notification done;
};

Greeter::Greeter(std::shared_ptr<grpc::ChannelCredentials> credentials, runtime::Runtime& runtime)
    : credentials_(std::move(credentials)), runtime_(runtime) {}

Greeter::~Greeter() {
  Stop();
}

void Greeter::Greet(const topology::FoundingEffects::Greeting& greeting) {
  // A new channel each time: nobody listening is the usual case, and a channel would back off.
  const auto call = std::make_shared<Call>();
  call->channel = NewPeerChannel(greeting.address, credentials_);
  call->stub = peer_pb::Peer::NewStub(call->channel);
  call->request = ToProto(greeting.request);
  call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  std::shared_ptr<Call> previous;  // Destroyed here, not under the lock.
  {
    absl::MutexLock lock(&mu_);
    std::shared_ptr<Call>& last = calls_[greeting.name];
    if (stopping_ || (last != nullptr && !last->done.HasBeenNotified())) return;
    previous = std::exchange(last, call);
  }
  call->stub->async()->Hello(
      &call->context, &call->request, &call->response,
      [this, raw = call.get(), name = greeting.name](const grpc::Status& status) {
        if (status.ok()) {
          if (auto response = FromProto(raw->response)) {
            runtime_.Post([name, response = *std::move(response)](node::Node& node, Instant now) {
              node.OnHelloAnswer(name, response, now);
            });
          }
        }
        raw->done.Notify();  // The last touch: the call may be destroyed at once.
      });
}

void Greeter::Stop() {
  std::map<std::string, std::shared_ptr<Call>> calls;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    calls = std::exchange(calls_, {});
  }
  for (const auto& [name, call] : calls) {
    call->context.TryCancel();
    call->done.WaitForNotification();
  }
}

}  // namespace kvd::rpc
