#include "client/client.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "client/core.h"
#include "client/from_proto.h"
#include "client/requests.h"

namespace kvd::client {
namespace {

Result<Reply<v1::GetResponse>> GetEntry(Core& core, std::string_view key, bool omit_value,
                                        const ReadOptions& options) {
  const auto request = MakeGet(key, omit_value, options.consistency);
  if (!request.ok()) return request.error();
  return core.Read<v1::GetResponse>(*request, options.timeout, /*persistent=*/true,
                                    [](auto& at, auto* context, const auto& sent, auto* response) {
                                      return at.kv->Get(context, sent, response);
                                    });
}

}  // namespace

Client::Client(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::Open(const Options& options) {
  auto core = Core::Open(options);
  if (!core.ok()) return core.error();
  return Client(*std::move(core));
}

Result<GetAnswer> Client::Get(std::string_view key, ReadOptions options) const {
  auto reply = GetEntry(*core_, key, /*omit_value=*/false, options);
  if (!reply.ok()) return reply.error();
  Served served = reply->ServedBy();
  return ToAnswer(std::move(reply->response), std::move(served));
}

Result<ExistsAnswer> Client::Exists(std::string_view key, ReadOptions options) const {
  auto reply = GetEntry(*core_, key, /*omit_value=*/true, options);
  if (!reply.ok()) return reply.error();
  return ToExistsAnswer(reply->response, reply->ServedBy());
}

Result<PutAnswer> Client::Put(std::string_view key, std::string_view value,
                              const WriteOptions& options) const {
  auto request = MakePut(key, value, options.if_version);
  if (!request.ok()) return request.error();
  auto reply =
      core_->Write<v1::PutResponse>(key, *request, {options.timeout, options.request_id},
                                    [](auto& at, auto* context, const auto& sent, auto* response) {
                                      return at.kv->Put(context, sent, response);
                                    });
  if (!reply.ok()) return reply.error();
  return ToAnswer(reply->response, reply->ServedBy());
}

Result<DeleteAnswer> Client::Delete(std::string_view key, const WriteOptions& options) const {
  auto request = MakeDelete(key, options.if_version);
  if (!request.ok()) return request.error();
  auto reply = core_->Write<v1::DeleteResponse>(
      key, *request, {options.timeout, options.request_id},
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Delete(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  return ToAnswer(reply->response, reply->ServedBy());
}

Result<IncrementAnswer> Client::Increment(std::string_view key, int64_t by,
                                          const RepeatOptions& options) const {
  auto request = MakeIncrement(key, by);
  if (!request.ok()) return request.error();
  auto reply = core_->Write<v1::IncrementResponse>(
      key, *request, options, [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Increment(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  return ToAnswer(reply->response, reply->ServedBy());
}

Result<BatchAnswer> Client::Batch(const std::vector<BatchItem>& items,
                                  const RepeatOptions& options) const {
  auto request = MakeBatch(items);
  if (!request.ok()) return request.error();
  auto reply = core_->Write<v1::BatchResponse>(
      items.front().key, *request, options,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Batch(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  return ToAnswer(reply->response, reply->ServedBy());
}

Result<Ring> Client::GetRing(CallOptions options) const {
  auto reply = core_->Read<v1::GetRingResponse>(
      v1::GetRingRequest(), options.timeout, /*persistent=*/false,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.cluster->GetRing(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  const std::string& endpoint = reply->answered.endpoint;
  auto ring = FromProto(reply->response);
  if (!ring) return Nonsense("a ring", endpoint);
  core_->Learn(*ring);
  ring->endpoint = endpoint;
  return *std::move(ring);
}

Result<ClusterStatus> Client::GetStatus(CallOptions options) const {
  auto reply = core_->Read<v1::GetStatusResponse>(
      v1::GetStatusRequest(), options.timeout, /*persistent=*/false,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.cluster->GetStatus(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  ClusterStatus status = FromProto(reply->response);
  status.endpoint = reply->answered.endpoint;
  return status;
}

Result<PingAnswer> Client::Ping(CallOptions options) const {
  auto reply =
      core_->Read<v1::PingResponse>(v1::PingRequest(), options.timeout, /*persistent=*/false,
                                    [](auto& at, auto* context, const auto& sent, auto* response) {
                                      return at.cluster->Ping(context, sent, response);
                                    });
  if (!reply.ok()) return reply.error();
  PingAnswer answer = FromProto(reply->response);
  answer.endpoint = reply->answered.endpoint;
  answer.took = reply->answered.took;
  return answer;
}

}  // namespace kvd::client
