// From protocol messages to the library's values. What a node must not send (a partition count that
// is no power of two, a position outside its list) is an error here and surprises nobody later.
//
// Pure. Threading: values.
#pragma once

#include <optional>

#include "client/answers.h"

namespace kvd::v1 {
class GetRingResponse;
class GetStatusResponse;
class PingResponse;
class Served;
}  // namespace kvd::v1

namespace kvd::client {

[[nodiscard]] Served FromProto(const v1::Served& served);
[[nodiscard]] ClusterStatus FromProto(const v1::GetStatusResponse& response);
[[nodiscard]] PingAnswer FromProto(const v1::PingResponse& response);

// nullopt: the message contradicts itself.
[[nodiscard]] std::optional<Ring> FromProto(const v1::GetRingResponse& response);

}  // namespace kvd::client
