// Between kvd's own messages and protocol buffers, both ways. What comes from the network is
// checked here for shape (lengths, presence); what it means is judged by the node.
//
// Pure. Threading: values.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <variant>

#include "common/refusal.h"
#include "google/rpc/status.pb.h"
#include "kvd/peer/v1/peer.pb.h"
#include "kvd/v1/admin.pb.h"
#include "kvd/v1/cluster.pb.h"
#include "kvd/v1/kv.pb.h"
#include "server/node/messages.h"
#include "server/node/view.h"
#include "server/topology/messages.h"

namespace kvd::rpc {

namespace pb = ::kvd::v1;
namespace peer_pb = ::kvd::peer::v1;

// A refusal as clients see it: a code for generic retry policies, and ErrorInfo (with RetryInfo if
// it says when) as google.rpc.Status in the details.
[[nodiscard]] grpc::Status ToGrpc(const Refusal& refusal);
[[nodiscard]] google::rpc::Status ToProto(const Refusal& refusal);

// kInternal with the message if there is no ErrorInfo of ours.
[[nodiscard]] Refusal FromProto(const google::rpc::Status& status);

// nullopt: the message is malformed and must be dropped.
[[nodiscard]] std::optional<topology::HelloRequest> FromProto(const peer_pb::HelloRequest& in);
[[nodiscard]] std::optional<topology::HelloResponse> FromProto(const peer_pb::HelloResponse& in);
// Takes the frame's bytes.
[[nodiscard]] std::optional<node::Frame> Take(peer_pb::Frame& in);

[[nodiscard]] peer_pb::HelloRequest ToProto(const topology::HelloRequest& request);
[[nodiscard]] peer_pb::HelloResponse ToProto(const topology::HelloResponse& response);
// REQUIRES: `out` is empty.
void Write(node::Frame frame, peer_pb::Frame& out);

// BAD_REQUEST if the request says nothing that can be done. Takes its bytes.
using Asked = std::variant<node::Operation, Refusal>;
[[nodiscard]] Asked FromProto(pb::GetRequest& in);
[[nodiscard]] Asked FromProto(pb::PutRequest& in);
[[nodiscard]] Asked FromProto(pb::DeleteRequest& in);
[[nodiscard]] Asked FromProto(pb::IncrementRequest& in);
[[nodiscard]] Asked FromProto(pb::BatchRequest& in);
[[nodiscard]] Asked FromProto(pb::PipelineRequest::Operation& in);
[[nodiscard]] Asked FromProto(pb::AbortJobRequest& in);
[[nodiscard]] Asked FromProto(pb::ListJobsRequest& in);
[[nodiscard]] Asked FromProto(pb::ListGroupsRequest& in);
[[nodiscard]] Asked PlanFromProto(pb::ChangeRequest& in);
[[nodiscard]] Asked StartFromProto(pb::ChangeRequest& in);

// REQUIRES: `answer` is no refusal, and fits the operation.
void ToProto(node::Answer answer, pb::GetResponse& out);
void ToProto(node::Answer answer, pb::PutResponse& out);
void ToProto(node::Answer answer, pb::DeleteResponse& out);
void ToProto(node::Answer answer, pb::IncrementResponse& out);
void ToProto(node::Answer answer, pb::BatchResponse& out);
void ToProto(node::Answer answer, pb::PlanResponse& out);
void ToProto(node::Answer answer, pb::JobResponse& out);
void ToProto(node::Answer answer, pb::ListJobsResponse& out);
void ToProto(node::Answer answer, pb::ListGroupsResponse& out);

// Of any kind, refusals included, as the result of what was `asked`.
void ToProto(node::Answer answer, pb::PipelineRequest::Operation::RequestCase asked,
             pb::PipelineResponse::Answer& out);

void ToProto(const node::ClusterView& view, pb::GetStatusResponse& out);
void ToProto(const node::RingView& view, pb::GetRingResponse& out);

}  // namespace kvd::rpc
