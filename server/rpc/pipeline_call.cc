#include "server/rpc/pipeline_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

// Of one message of answers, about: large enough for none to cost much.
constexpr uint64_t kMessageBytes = uint64_t{256} << 10U;

std::optional<Duration> BudgetOf(const pb::PipelineRequest::Operation& operation) {
  if (operation.timeout_ms() == 0) return std::nullopt;
  return std::chrono::milliseconds(operation.timeout_ms());
}

pb::PipelineResponse::Answer Refused(uint64_t tag, const Refusal& refusal) {
  pb::PipelineResponse::Answer answer;
  answer.set_tag(tag);
  *answer.mutable_refusal() = ToProto(refusal);
  return answer;
}

}  // namespace

// What the node knows an operation of the stream by.
class PipelineCall::Operation final : public Calls::Call {
 public:
  Operation(PipelineCall& stream, const Request::Operation& asked)
      : stream_(stream), tag_(asked.tag()), request_(asked.request_case()) {}

  Calls::Batch* Answer(node::Answer answer) override {
    PipelineCall& stream = stream_;
    Response::Answer out;
    out.set_tag(tag_);
    ToProto(std::move(answer), request_, out);
    delete this;
    stream.Answered(std::move(out));
    return &stream;
  }

  [[nodiscard]] uint64_t tag() const { return tag_; }

 private:
  PipelineCall& stream_;
  const uint64_t tag_;
  const Request::Operation::RequestCase request_;
};

void PipelineCall::New(pb::KV::AsyncService& service, Pipelines& pipelines) {
  auto* call = new PipelineCall(service, pipelines);
  auto* queue = &pipelines.loop.queue();
  service.RequestPipeline(&call->context_, &call->stream_, queue, queue, &call->began_);
}

PipelineCall::~PipelineCall() {
  pipelines_.open.erase(this);
}

void PipelineCall::Began(bool ok) {
  if (!ok) {
    delete this;
    return;
  }
  New(service_, pipelines_);
  pipelines_.open.insert(this);
  if (pipelines_.stopping) return Stop();
  {
    absl::MutexLock lock(&mu_);
    ++starting_;
  }
  GoOn();
}

void PipelineCall::Stop() {
  {
    absl::MutexLock lock(&mu_);
    ++starting_;
    if (!over_) {
      status_ = ToGrpc({.reason = Reason::kNodeDraining, .message = "the node is stopping"});
    }
    over_ = true;
  }
  GoOn();
}

void PipelineCall::Read(bool ok) {
  const bool too_many = request_.operations_size() > kMaxOperations;
  bool take = false;
  bool is_last = false;
  {
    absl::MutexLock lock(&mu_);
    take = ok && !too_many && !over_;
    is_last = finished_;
    reading_ = false;
    ++starting_;
    if (ok && too_many && !over_) {
      status_ = {grpc::StatusCode::INVALID_ARGUMENT,
                 fmt::format("a message has {} operations; send at most {} in one",
                             request_.operations_size(), kMaxOperations)};
    }
    over_ = over_ || !take;
  }
  if (is_last) {
    delete this;
    return;
  }
  if (take) PostAll();
  GoOn();
}

void PipelineCall::PostAll() {
  std::vector<Calls::Asking> asking;
  std::vector<Response::Answer> refused;
  asking.reserve(static_cast<size_t>(request_.operations_size()));
  for (Request::Operation& in : *request_.mutable_operations()) {
    Asked asked = FromProto(in);
    if (const auto* refusal = std::get_if<Refusal>(&asked)) {
      pipelines_.calls.metrics().CountMalformed(refusal->reason);
      refused.push_back(Refused(in.tag(), *refusal));
      continue;
    }
    asking.push_back({.call = new Operation(*this, in),
                      .operation = std::get<node::Operation>(std::move(asked)),
                      .budget = BudgetOf(in)});
  }
  {
    absl::MutexLock lock(&mu_);
    underway_ += asking.size();
    for (Response::Answer& answer : refused) Collect(std::move(answer));
  }
  if (!asking.empty()) Post(std::move(asking));
}

void PipelineCall::Post(std::vector<Calls::Asking> asking) {
  const std::vector<Calls::Call*> refused = pipelines_.calls.Post(std::move(asking));
  if (refused.empty()) return;
  absl::MutexLock lock(&mu_);
  underway_ -= refused.size();
  for (Calls::Call* call : refused) {
    const auto* operation = static_cast<Operation*>(call);
    Collect(Refused(operation->tag(), Calls::Overloaded()));
    delete operation;
  }
}

void PipelineCall::Written(bool ok) {
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    ++starting_;
    if (!ok) {
      broken_ = true;
      over_ = true;
      waiting_.clear();
    }
  }
  GoOn();
}

void PipelineCall::Finished() {
  {
    absl::MutexLock lock(&mu_);
    finished_ = true;
    if (reading_) return;  // That fails now, and is the last thing heard of the stream.
  }
  delete this;
}

void PipelineCall::Answered(Response::Answer answer) {
  absl::MutexLock lock(&mu_);
  Collect(std::move(answer));
}

void PipelineCall::Collect(Response::Answer answer) {
  if (broken_) return;
  if (waiting_.empty() || waiting_.back().bytes >= kMessageBytes) waiting_.emplace_back();
  constexpr uint64_t kOverhead = 32;
  const uint64_t bytes = answer.get().value().size() + kOverhead;
  waiting_.back().bytes += bytes;
  waiting_bytes_ += bytes;
  waiting_.back().response.mutable_answers()->Add(std::move(answer));
}

void PipelineCall::Send(uint64_t answered) {
  {
    absl::MutexLock lock(&mu_);
    underway_ -= answered;
    ++starting_;
  }
  GoOn();
}

void PipelineCall::GoOn() {
  while (true) {
    Step step = Step::kNone;
    {
      absl::MutexLock lock(&mu_);
      --starting_;
      step = NextStep();
      if (step == Step::kRead || step == Step::kWrite) ++starting_;
    }
    Start(step);
    if (step == Step::kNone || step == Step::kFinish) return;
  }
}

PipelineCall::Step PipelineCall::NextStep() {
  if (finishing_) return Step::kNone;
  if (!writing_ && !waiting_.empty()) {
    writing_ = true;
    response_ = std::move(waiting_.front().response);
    waiting_bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
    return Step::kWrite;
  }
  const bool is_enough = underway_ >= kEnoughUnderway || waiting_bytes_ >= kEnoughBytes;
  if (!over_ && !reading_ && !is_enough) {
    reading_ = true;
    return Step::kRead;
  }
  if (!over_ || writing_ || underway_ > 0 || starting_ > 0) return Step::kNone;
  finishing_ = true;
  return Step::kFinish;
}

void PipelineCall::Start(Step step) {
  switch (step) {
    case Step::kNone:
      return;
    case Step::kRead:
      return stream_.Read(&request_, &read_);
    case Step::kWrite:
      return stream_.Write(response_, &written_);
    case Step::kFinish:
      return stream_.Finish(status_, &end_);
  }
}

}  // namespace kvd::rpc
