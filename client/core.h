// What the classes of the library have in common: the endpoints' connections, the time an operation
// may take, and one way to have a request answered, whatever its service.
//
// Threading: thread-safe, as caller.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/caller.h"
#include "client/client.h"
#include "client/connection.h"
#include "client/from_proto.h"
#include "client/result.h"

namespace kvd::client {

[[nodiscard]] Error BadRequest(std::string message);

// A node answered what contradicts itself: "a ring", "a job".
[[nodiscard]] Error Nonsense(std::string_view what, const std::string& endpoint);

template <typename Response>
struct Reply {
  Response response;
  Caller::Answered answered;

  [[nodiscard]] Served ServedBy() const {
    Served served = FromProto(response.served());
    served.endpoint = answered.endpoint;
    served.took = answered.took;
    return served;
  }
};

// Whom to talk to, and how.
struct Access {
  std::vector<Endpoint> endpoints;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  bool tls = false;
  bool insecure = false;  // Plaintext beyond loopback is wanted.

  // Checks the options and reads the TLS files. Fails with kBadRequest.
  static Result<Access> From(const Options& options);
};

class Core {
 public:
  // As Access::From().
  static Result<std::shared_ptr<Core>> Open(const Options& options);

  Core(Access access, const Options& options)
      : timeout_(options.timeout),
        caller_({.endpoints = std::move(access.endpoints),
                 .credentials = std::move(access.credentials),
                 .tls = access.tls,
                 .try_timeout = options.try_timeout}) {}

  // Has a request answered that may be repeated. `persistent`: until the time is over, not only
  // once at each endpoint. `call` is (const Connection&, ClientContext*, const Request&, Response*)
  // -> grpc::Status.
  template <typename Response, typename Request, typename Call>
  Result<Reply<Response>> Read(const Request& request, std::optional<Duration> timeout,
                               bool persistent, Call call) {
    Reply<Response> reply;
    auto answered =
        caller_.Run({.persistent = persistent, .timeout = timeout.value_or(timeout_)},
                    [&](const Connection& at, grpc::ClientContext& context, const RequestId&) {
                      return call(at, &context, request, &reply.response);
                    });
    if (!answered.ok()) return answered.error();
    reply.answered = *std::move(answered);
    return reply;
  }

  // As Read(); `request` is sent under a request id. `key` decides the partition.
  template <typename Response, typename Request, typename Call>
  Result<Reply<Response>> Write(std::string_view key, Request& request,
                                const RepeatOptions& options, Call call) {
    Reply<Response> reply;
    auto answered =
        caller_.Run({.writes = true,
                     .persistent = true,
                     .timeout = options.timeout.value_or(timeout_),
                     .key = key,
                     .request_id = options.request_id},
                    [&](const Connection& at, grpc::ClientContext& context, const RequestId& id) {
                      request.mutable_request_id()->set_client(id.client);
                      request.mutable_request_id()->set_sequence(id.sequence);
                      request.mutable_request_id()->set_done_below(id.done_below);
                      request.mutable_request_id()->set_base(id.base);
                      return call(at, &context, request, &reply.response);
                    });
    if (!answered.ok()) return answered.error();
    reply.answered = *std::move(answered);
    const Version version = reply.response.version();
    caller_.Learn(PartitionId{reply.response.served().partition()}, version);
    return reply;
  }

  void Learn(const Ring& ring) { caller_.Learn(ring); }

 private:
  const Duration timeout_;
  Caller caller_;
};

}  // namespace kvd::client
