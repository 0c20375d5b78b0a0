#include "client/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "client/core.h"
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

}  // namespace

Result<v1::GetRequest> MakeGet(std::string_view key, bool omit_value, Consistency consistency) {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::GetRequest request;
  request.set_key(std::string(key));
  request.set_omit_value(omit_value);
  if (consistency == Consistency::kStale) request.set_consistency(v1::CONSISTENCY_STALE);
  return request;
}

Result<v1::PutRequest> MakePut(std::string_view key, std::string_view value,
                               std::optional<Version> if_version) {
  if (auto bad = BadKey(key)) return *std::move(bad);
  if (auto oversized = Oversized(value)) return *std::move(oversized);
  v1::PutRequest request;
  request.set_key(std::string(key));
  request.set_value(std::string(value));
  if (if_version) request.set_if_version(*if_version);
  return request;
}

Result<v1::DeleteRequest> MakeDelete(std::string_view key, std::optional<Version> if_version) {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::DeleteRequest request;
  request.set_key(std::string(key));
  if (if_version) request.set_if_version(*if_version);
  return request;
}

Result<v1::IncrementRequest> MakeIncrement(std::string_view key, int64_t by) {
  if (auto bad = BadKey(key)) return *std::move(bad);
  v1::IncrementRequest request;
  request.set_key(std::string(key));
  request.set_by(by);
  return request;
}

Result<v1::BatchRequest> MakeBatch(const std::vector<BatchItem>& items) {
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
  return request;
}

GetAnswer ToAnswer(v1::GetResponse response, Served served) {
  GetAnswer answer{
      .entry = std::nullopt, .stale_by = StaleBy(response), .served = std::move(served)};
  if (response.found()) {
    answer.entry =
        Entry{.value = std::move(*response.mutable_value()), .version = response.version()};
  }
  return answer;
}

ExistsAnswer ToExistsAnswer(const v1::GetResponse& response, Served served) {
  ExistsAnswer answer{
      .version = std::nullopt, .stale_by = StaleBy(response), .served = std::move(served)};
  if (response.found()) answer.version = response.version();
  return answer;
}

PutAnswer ToAnswer(const v1::PutResponse& response, Served served) {
  return {.version = response.version(),
          .actual_version = ActualVersion(response),
          .served = std::move(served)};
}

DeleteAnswer ToAnswer(const v1::DeleteResponse& response, Served served) {
  DeleteAnswer answer{.version = std::nullopt,
                      .actual_version = ActualVersion(response),
                      .served = std::move(served)};
  if (response.written()) answer.version = response.version();
  return answer;
}

IncrementAnswer ToAnswer(const v1::IncrementResponse& response, Served served) {
  return {.value = response.value(), .version = response.version(), .served = std::move(served)};
}

BatchAnswer ToAnswer(const v1::BatchResponse& response, Served served) {
  return {.version = response.version(),
          .actual_version = ActualVersion(response),
          .failed_key = response.failed_key(),
          .served = std::move(served)};
}

}  // namespace kvd::client
