// From protocol messages to the library's values. What a node must not send (a partition count that
// is no power of two, a position outside its list, a transfer to nobody) is an error here and
// surprises nobody later. What only a newer node can say is unknown, and no error.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <vector>

#include "client/answers.h"
#include "client/change.h"

namespace kvd::v1 {
class GetRingResponse;
class GetStatusResponse;
class JobResponse;
class ListGroupsResponse;
class ListJobsResponse;
class PingResponse;
class PlanResponse;
class Served;
}  // namespace kvd::v1

namespace kvd::client {

[[nodiscard]] Served FromProto(const v1::Served& served);
[[nodiscard]] ClusterStatus FromProto(const v1::GetStatusResponse& response);
[[nodiscard]] PingAnswer FromProto(const v1::PingResponse& response);

// nullopt: the message contradicts itself.
[[nodiscard]] std::optional<Ring> FromProto(const v1::GetRingResponse& response);
[[nodiscard]] std::optional<Plan> FromProto(const v1::PlanResponse& response);
[[nodiscard]] std::optional<Job> FromProto(const v1::JobResponse& response);
[[nodiscard]] std::optional<std::vector<Job>> FromProto(const v1::ListJobsResponse& response);
[[nodiscard]] std::vector<Group> FromProto(const v1::ListGroupsResponse& response);

}  // namespace kvd::client
