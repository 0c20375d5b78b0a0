#include "client/client.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <set>
#include <utility>

#include "client/connection.h"
#include "client/credentials.h"
#include "client/failover.h"
#include "client/from_proto.h"
#include "client/grpc_time.h"
#include "client/translate.h"
#include "common/bytes.h"
#include "common/check.h"

namespace kvd::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

template <typename Response>
struct Reply {
  Response response;
  std::string endpoint;
  Duration took{};

  [[nodiscard]] Served ServedBy() const {
    Served served = FromProto(response.served());
    served.endpoint = endpoint;
    served.took = took;
    return served;
  }
};

Error BadRequest(std::string message) {
  return {.kind = ErrorKind::kBadRequest, .message = std::move(message)};
}

Result<std::vector<Endpoint>> ParseEndpoints(const Options& options) {
  std::vector<Endpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    const auto at = config::HostPort::Parse(text);
    if (!at.ok()) return BadRequest("endpoint " + Message(at.status()));
    if (at->port == 0)
      return BadRequest(fmt::format("endpoint {}: port 0 cannot be dialled", text));
    if (!options.tls && !options.insecure && !at->is_loopback()) {
      return BadRequest(fmt::format(
          "{} is not a loopback address, and without TLS keys and values can be read on "
          "the way; give a CA (--cacert), or allow plaintext (--insecure)",
          text));
    }
    endpoints.push_back({.name = text, .at = *at});
  }
  if (endpoints.empty()) return BadRequest("no endpoint given");
  return endpoints;
}

std::optional<Error> Oversized(std::string_view value) {
  if (value.size() <= kMaxValueBytes) return std::nullopt;
  return Error{.kind = ErrorKind::kRefused,
               .reason = Reason::kValueTooLarge,
               .message = fmt::format("value is {}, no cluster takes more than {}",
                                      FormatBytes(value.size()), FormatBytes(kMaxValueBytes)),
               .metadata = {{"field", "value"}, {"limit", std::to_string(kMaxValueBytes)}}};
}

std::optional<Error> BadKey(std::string_view key) {
  if (!key.empty()) return std::nullopt;
  return BadRequest("the key is empty; a key has at least 1 byte");
}

}  // namespace

class Client::Core {
 public:
  Core(std::vector<Endpoint> endpoints, std::shared_ptr<grpc::ChannelCredentials> credentials,
       const Options& options)
      : timeout_(options.timeout),
        failover_(std::move(endpoints), std::move(credentials), options.tls.has_value()) {}

  // Makes the call at the first endpoint that answers it. `invoke` is (Connection&, ClientContext*,
  // Response*) -> grpc::Status.
  template <typename Response, typename Invoke>
  Result<Reply<Response>> Call(bool writes, CallOptions options, Invoke invoke) {
    const Duration timeout = options.timeout.value_or(timeout_);
    const Deadline deadline =
        timeout == Duration::zero() ? Deadline::max() : SteadyClock::now() + timeout;
    std::set<size_t> broke_once;
    std::set<size_t> passed_over;
    std::optional<Error> last;
    while (true) {
      auto connected = failover_.Connect(passed_over, deadline);
      if (!connected.ok()) return last ? *last : connected.error();
      const std::shared_ptr<Connection>& connection = *connected;

      Reply<Response> reply;
      grpc::ClientContext context;
      context.set_deadline(ToGrpc(deadline));
      const auto sent_at = SteadyClock::now();
      const grpc::Status status = invoke(*connection, &context, &reply.response);
      reply.took = SteadyClock::now() - sent_at;
      reply.endpoint = connection->name;
      if (status.ok()) return reply;

      last = Translate(status, {writes, connection->name, timeout});
      if (!IsWorthAnotherEndpoint(*last)) return *last;
      failover_.Forget(connection);
      // A connection may be found broken that was idle while its node restarted: one more chance.
      const bool broke = last->kind == ErrorKind::kUnreachable;
      if (!broke || !broke_once.insert(connection->endpoint).second) {
        passed_over.insert(connection->endpoint);
      }
    }
  }

  Result<Reply<v1::GetResponse>> Get(std::string_view key, bool omit_value, CallOptions options) {
    if (auto bad = BadKey(key)) return *std::move(bad);
    v1::GetRequest request;
    request.set_key(std::string(key));
    request.set_omit_value(omit_value);
    return Call<v1::GetResponse>(false, options, [&](auto& at, auto* context, auto* response) {
      return at.kv->Get(context, request, response);
    });
  }

 private:
  const Duration timeout_;
  Failover failover_;
};

Client::Client(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::Open(const Options& options) {
  auto endpoints = ParseEndpoints(options);
  if (!endpoints.ok()) return endpoints.error();
  auto credentials = MakeCredentials(options.tls);
  if (!credentials.ok()) return credentials.error();
  return Client(std::make_unique<Core>(*std::move(endpoints), *std::move(credentials), options));
}

Result<GetAnswer> Client::Get(std::string_view key, CallOptions call) const {
  auto reply = core_->Get(key, /*omit_value=*/false, call);
  if (!reply.ok()) return reply.error();
  GetAnswer answer{.entry = std::nullopt, .served = reply->ServedBy()};
  if (reply->response.found()) {
    answer.entry = Entry{.value = std::move(*reply->response.mutable_value()),
                         .version = reply->response.version()};
  }
  return answer;
}

Result<ExistsAnswer> Client::Exists(std::string_view key, CallOptions call) const {
  auto reply = core_->Get(key, /*omit_value=*/true, call);
  if (!reply.ok()) return reply.error();
  ExistsAnswer answer{.version = std::nullopt, .served = reply->ServedBy()};
  if (reply->response.found()) answer.version = reply->response.version();
  return answer;
}

Result<PutAnswer> Client::Put(std::string_view key, std::string_view value,
                              CallOptions call) const {
  if (auto bad = BadKey(key)) return *std::move(bad);
  if (auto oversized = Oversized(value)) return *std::move(oversized);
  v1::PutRequest request;
  request.set_key(std::string(key));
  request.set_value(std::string(value));
  auto reply =
      core_->Call<v1::PutResponse>(true, call, [&](auto& at, auto* context, auto* response) {
        return at.kv->Put(context, request, response);
      });
  if (!reply.ok()) return reply.error();
  return PutAnswer{.version = reply->response.version(), .served = reply->ServedBy()};
}

Result<DeleteAnswer> Client::Delete(std::string_view key, CallOptions call) const {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::DeleteRequest request;
  request.set_key(std::string(key));
  auto reply =
      core_->Call<v1::DeleteResponse>(true, call, [&](auto& at, auto* context, auto* response) {
        return at.kv->Delete(context, request, response);
      });
  if (!reply.ok()) return reply.error();
  DeleteAnswer answer{.version = std::nullopt, .served = reply->ServedBy()};
  if (reply->response.found()) answer.version = reply->response.version();
  return answer;
}

Result<Ring> Client::GetRing(CallOptions call) const {
  auto reply =
      core_->Call<v1::GetRingResponse>(false, call, [](auto& at, auto* context, auto* response) {
        return at.cluster->GetRing(context, {}, response);
      });
  if (!reply.ok()) return reply.error();
  auto ring = FromProto(reply->response);
  if (!ring) {
    return Error{.kind = ErrorKind::kFault,
                 .message = reply->endpoint + " answered a ring that contradicts itself",
                 .endpoint = reply->endpoint};
  }
  ring->endpoint = reply->endpoint;
  return *std::move(ring);
}

Result<ClusterStatus> Client::GetStatus(CallOptions call) const {
  auto reply =
      core_->Call<v1::GetStatusResponse>(false, call, [](auto& at, auto* context, auto* response) {
        return at.cluster->GetStatus(context, {}, response);
      });
  if (!reply.ok()) return reply.error();
  ClusterStatus status = FromProto(reply->response);
  status.endpoint = reply->endpoint;
  return status;
}

Result<PingAnswer> Client::Ping(CallOptions call) const {
  auto reply =
      core_->Call<v1::PingResponse>(false, call, [](auto& at, auto* context, auto* response) {
        return at.cluster->Ping(context, {}, response);
      });
  if (!reply.ok()) return reply.error();
  PingAnswer answer = FromProto(reply->response);
  answer.endpoint = reply->endpoint;
  answer.took = reply->took;
  return answer;
}

}  // namespace kvd::client
