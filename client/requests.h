// From what callers ask to protocol messages, checked for what no node would take, and from
// messages to answers.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/client.h"
#include "client/result.h"
#include "kvd/v1/kv.pb.h"

namespace kvd::client {

// Each fails with kBadRequest, or kRefused as a node would: nothing was sent.
Result<v1::GetRequest> MakeGet(std::string_view key, bool omit_value, Consistency consistency);
Result<v1::PutRequest> MakePut(std::string_view key, std::string_view value,
                               std::optional<Version> if_version);
Result<v1::DeleteRequest> MakeDelete(std::string_view key, std::optional<Version> if_version);
Result<v1::IncrementRequest> MakeIncrement(std::string_view key, int64_t by);
Result<v1::BatchRequest> MakeBatch(const std::vector<BatchItem>& items);

[[nodiscard]] GetAnswer ToAnswer(v1::GetResponse response, Served served);
[[nodiscard]] ExistsAnswer ToExistsAnswer(const v1::GetResponse& response, Served served);
[[nodiscard]] PutAnswer ToAnswer(const v1::PutResponse& response, Served served);
[[nodiscard]] DeleteAnswer ToAnswer(const v1::DeleteResponse& response, Served served);
[[nodiscard]] IncrementAnswer ToAnswer(const v1::IncrementResponse& response, Served served);
[[nodiscard]] BatchAnswer ToAnswer(const v1::BatchResponse& response, Served served);

}  // namespace kvd::client
