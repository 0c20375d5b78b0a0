#include "client/client.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/core.h"
#include "client/from_proto.h"
#include "common/bytes.h"

namespace kvd::client {
namespace {

std::optional<Error> Oversized(std::string_view value) {
  if (value.size() <= kMaxValueBytes) return std::nullopt;
  return Error{.kind = ErrorKind::kRefused,
               .reason = Reason::kValueTooLarge,
               .message = fmt::format("value is {}, no cluster takes more than {}",
                                      FormatBytesBeside(value.size(), kMaxValueBytes),
                                      FormatBytes(kMaxValueBytes)),
               .metadata = {{"field", "value"}, {"limit", std::to_string(kMaxValueBytes)}}};
}

std::optional<Error> BadKey(std::string_view key) {
  if (!key.empty()) return std::nullopt;
  return BadRequest("the key is empty; a key has at least 1 byte");
}

std::optional<Error> BadBatch(const std::vector<BatchItem>& items) {
  if (items.empty()) return BadRequest("the batch is empty; it has 1 operation to 1000");
  if (items.size() > kMaxBatchItems) {
    return BadRequest(
        fmt::format("the batch has {} operations, the limit is {}", items.size(), kMaxBatchItems));
  }
  uint64_t bytes = 0;
  for (const BatchItem& item : items) {
    if (auto bad = BadKey(item.key)) return bad;
    bytes += item.key.size() + (item.value ? item.value->size() : 0);
  }
  if (bytes <= kMaxBatchBytes) return std::nullopt;
  return Error{
      .kind = ErrorKind::kRefused,
      .reason = Reason::kValueTooLarge,
      .message = fmt::format("batch is {}, the limit is {}",
                             FormatBytesBeside(bytes, kMaxBatchBytes), FormatBytes(kMaxBatchBytes)),
      .metadata = {{"field", "items"}, {"limit", std::to_string(kMaxBatchBytes)}}};
}

// A duration of `stale_ms`, if it was sent; cut to a year.
std::optional<Duration> StaleBy(const v1::GetResponse& response) {
  if (!response.has_staleness_ms()) return std::nullopt;
  constexpr uint64_t kYear = 365ULL * 24 * 3600 * 1000;
  return std::chrono::milliseconds(static_cast<int64_t>(std::min(response.staleness_ms(), kYear)));
}

template <typename Response>
std::optional<Version> ActualVersion(const Response& response) {
  if (!response.has_actual_version()) return std::nullopt;
  return response.actual_version();
}

Result<Reply<v1::GetResponse>> GetEntry(Core& core, std::string_view key, bool omit_value,
                                        const ReadOptions& options) {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::GetRequest request;
  request.set_key(std::string(key));
  request.set_omit_value(omit_value);
  if (options.consistency == Consistency::kStale) request.set_consistency(v1::CONSISTENCY_STALE);
  return core.Read<v1::GetResponse>(request, options.timeout, /*persistent=*/true,
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
  GetAnswer answer{
      .entry = std::nullopt, .stale_by = StaleBy(reply->response), .served = reply->ServedBy()};
  if (reply->response.found()) {
    answer.entry = Entry{.value = std::move(*reply->response.mutable_value()),
                         .version = reply->response.version()};
  }
  return answer;
}

Result<ExistsAnswer> Client::Exists(std::string_view key, ReadOptions options) const {
  auto reply = GetEntry(*core_, key, /*omit_value=*/true, options);
  if (!reply.ok()) return reply.error();
  ExistsAnswer answer{
      .version = std::nullopt, .stale_by = StaleBy(reply->response), .served = reply->ServedBy()};
  if (reply->response.found()) answer.version = reply->response.version();
  return answer;
}

Result<PutAnswer> Client::Put(std::string_view key, std::string_view value,
                              const WriteOptions& options) const {
  if (auto bad = BadKey(key)) return *std::move(bad);
  if (auto oversized = Oversized(value)) return *std::move(oversized);
  v1::PutRequest request;
  request.set_key(std::string(key));
  request.set_value(std::string(value));
  if (options.if_version) request.set_if_version(*options.if_version);
  auto reply =
      core_->Write<v1::PutResponse>(key, request, {options.timeout, options.request_id},
                                    [](auto& at, auto* context, const auto& sent, auto* response) {
                                      return at.kv->Put(context, sent, response);
                                    });
  if (!reply.ok()) return reply.error();
  return PutAnswer{.version = reply->response.version(),
                   .actual_version = ActualVersion(reply->response),
                   .served = reply->ServedBy()};
}

Result<DeleteAnswer> Client::Delete(std::string_view key, const WriteOptions& options) const {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::DeleteRequest request;
  request.set_key(std::string(key));
  if (options.if_version) request.set_if_version(*options.if_version);
  auto reply = core_->Write<v1::DeleteResponse>(
      key, request, {options.timeout, options.request_id},
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Delete(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  DeleteAnswer answer{.version = std::nullopt,
                      .actual_version = ActualVersion(reply->response),
                      .served = reply->ServedBy()};
  if (reply->response.written()) answer.version = reply->response.version();
  return answer;
}

Result<IncrementAnswer> Client::Increment(std::string_view key, int64_t by,
                                          const RepeatOptions& options) const {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::IncrementRequest request;
  request.set_key(std::string(key));
  request.set_by(by);
  auto reply = core_->Write<v1::IncrementResponse>(
      key, request, options, [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Increment(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  return IncrementAnswer{.value = reply->response.value(),
                         .version = reply->response.version(),
                         .served = reply->ServedBy()};
}

Result<BatchAnswer> Client::Batch(const std::vector<BatchItem>& items,
                                  const RepeatOptions& options) const {
  if (auto bad = BadBatch(items)) return *std::move(bad);
  v1::BatchRequest request;
  for (const BatchItem& item : items) {
    v1::BatchItem& added = *request.add_items();
    added.set_key(item.key);
    if (item.if_version) added.set_if_version(*item.if_version);
    if (item.value) {
      added.mutable_put()->set_value(*item.value);
    } else {
      added.mutable_delete_();
    }
  }
  auto reply = core_->Write<v1::BatchResponse>(
      items.front().key, request, options,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.kv->Batch(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  return BatchAnswer{.version = reply->response.version(),
                     .actual_version = ActualVersion(reply->response),
                     .failed_key = reply->response.failed_key(),
                     .served = reply->ServedBy()};
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
