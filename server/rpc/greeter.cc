#include "server/rpc/greeter.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <optional>
#include <utility>

#include "absl/synchronization/notification.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/rpc/channel.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {

struct Greeter::Call final : Completion {
  Call(const topology::FoundingEffects::Greeting& greeting, runtime::Runtime& r)
      : name(greeting.name), address(greeting.address), runtime(r) {}

  void Proceed(bool) override;
  [[nodiscard]] std::optional<topology::HelloResponse> Answer() const;

  const std::string name;
  const std::string address;
  runtime::Runtime& runtime;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<peer_pb::Peer::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<peer_pb::HelloResponse>> reader;
  peer_pb::HelloResponse response;
  grpc::Status status;
  absl::Notification done;
};

void Greeter::Call::Proceed(bool) {
  if (auto answer = Answer()) {
    runtime.PostToFirst([name = name, answer = *std::move(answer)](node::Node& node, Instant now) {
      node.OnHelloAnswer(name, answer, now);
    });
  }
  done.Notify();  // The last touch: the call may be destroyed at once.
}

// Whoever does not know greetings at all is most likely another port of the node that was meant.
std::optional<topology::HelloResponse> Greeter::Call::Answer() const {
  if (status.ok()) return FromProto(response);
  if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) return std::nullopt;
  topology::HelloResponse answer;
  answer.refused = Refusal{
      .reason = Reason::kWrongNode,
      .message = fmt::format("{} is no port for nodes; a node is greeted at its peer_address, by "
                             "default one port above that for clients",
                             address)};
  return answer;
}

Greeter::Greeter(std::shared_ptr<grpc::ChannelCredentials> credentials, EventLoop& loop,
                 runtime::Runtime& runtime)
    : credentials_(std::move(credentials)), loop_(loop), runtime_(runtime) {}

Greeter::~Greeter() {
  Stop();
}

void Greeter::Greet(const topology::FoundingEffects::Greeting& greeting) {
  // A new channel each time: nobody listening is the usual case, and a channel would back off.
  const auto call = std::make_shared<Call>(greeting, runtime_);
  call->channel = NewPeerChannel(greeting.address, credentials_);
  call->stub = peer_pb::Peer::NewStub(call->channel);
  call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  std::shared_ptr<Call> previous;  // Destroyed here, not under the lock.
  {
    absl::MutexLock lock(&mu_);
    std::shared_ptr<Call>& last = calls_[greeting.name];
    if (stopping_ || (last != nullptr && !last->done.HasBeenNotified())) return;
    previous = std::exchange(last, call);
  }
  call->reader = call->stub->AsyncHello(&call->context, ToProto(greeting.request), &loop_.queue());
  call->reader->Finish(&call->response, &call->status, static_cast<Completion*>(call.get()));
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
