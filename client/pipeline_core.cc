#include "client/pipeline_core.h"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/from_proto.h"
#include "client/grpc_time.h"
#include "client/retry.h"
#include "client/translate.h"
#include "config/units.h"

namespace kvd::client {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Answer = v1::PipelineResponse::Answer;

// How exact pauses and timeouts are.
constexpr Duration kTick = std::chrono::milliseconds(20);

// Ticks go on for so long when nothing is underway: whoever asks one thing after the other need not
// wake the thread each time.
constexpr Duration kStayAwake = std::chrono::seconds(1);

constexpr Duration kRingAtMostEvery = std::chrono::seconds(1);

struct WakeUp {
  grpc::Alarm alarm;
  Step step{[this](bool) { delete this; }};
};

const v1::Served& ServedIn(const Answer& answer) {
  switch (answer.result_case()) {
    case Answer::kPut:
      return answer.put().served();
    case Answer::kDelete:
      return answer.delete_().served();
    case Answer::kIncrement:
      return answer.increment().served();
    case Answer::kBatch:
      return answer.batch().served();
    default:
      return answer.get().served();
  }
}

// Of the partition, at least; 0: the answer tells none.
Index IndexIn(const Answer& answer) {
  switch (answer.result_case()) {
    case Answer::kPut:
      return answer.put().version();
    case Answer::kDelete:
      return answer.delete_().version();
    case Answer::kIncrement:
      return answer.increment().version();
    case Answer::kBatch:
      return answer.batch().version();
    default:
      return answer.get().version();
  }
}

}  // namespace

struct PipelineCore::RingCall {
  explicit RingCall(PipelineCore& core) : done([&core](bool) { core.OnRing(); }) {}

  grpc::ClientContext context;
  v1::GetRingResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetRingResponse>> reader;
  Step done;
};

PipelineCore::PipelineCore(Access access, const Settings& settings)
    : settings_(settings),
      write_ids_(DrawClientNumber),
      lanes_(std::move(access), queue_, *this),
      thread_([this] { Run(); }) {}

PipelineCore::~PipelineCore() {
  AwaitAll();
  {
    absl::MutexLock lock(&mu_);
    closing_ = true;
    if (ring_call_) ring_call_->context.TryCancel();
    lanes_.CancelAll();
    Wake();
  }
  thread_.join();
}

void PipelineCore::Submit(Operation::Asking asking) {
  const bool is_mine = IsMine();
  const Duration timeout = asking.options.timeout.value_or(settings_.timeout);
  Lane* lane = nullptr;
  {
    absl::MutexLock lock(&mu_);
    if (!is_mine) mu_.Await(absl::Condition(this, &PipelineCore::HasRoom));
    auto operation = std::make_unique<Operation>(std::move(asking), timeout, settings_.try_timeout,
                                                 SteadyClock::now());
    if (operation->owns_id()) {
      operation->id = write_ids_.Begin();
      operation->id.base = bases_.Of(operation->key());
    }
    const uint64_t tag = ++last_tag_;
    Operation& added = *operations_.emplace(tag, std::move(operation)).first->second;
    ++unfinished_;
    lane = Send(tag, added);
    if (asleep_) Wake();
  }
  // What the core's thread submits it sends when it is through with what it is at.
  if (!is_mine && lane != nullptr) lane->Flush();
}

void PipelineCore::AwaitAll() {
  absl::MutexLock lock(&mu_, absl::Condition(this, &PipelineCore::IsIdle));
}

void PipelineCore::Run() {
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue_.AsyncNext(&tag, &ok, ToGrpc(NextTick()));
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    if (next == grpc::CompletionQueue::GOT_EVENT) static_cast<Step*>(tag)->Done(ok);
    TickIfDue();
    TellFinished();
    absl::MutexLock lock(&mu_);
    lanes_.FlushAll();
    if (!closing_ || ring_call_ || !lanes_.AreClosed()) continue;
    if (!std::exchange(shut_down_, true)) queue_.Shutdown();
  }
}

Deadline PipelineCore::NextTick() {
  absl::MutexLock lock(&mu_);
  if (!finished_.empty()) return SteadyClock::now();
  asleep_ = operations_.empty() && SteadyClock::now() - idle_since_ > kStayAwake;
  return asleep_ ? Deadline::max() : tick_at_;
}

void PipelineCore::Wake() {
  asleep_ = false;
  auto* wake = new WakeUp;
  wake->alarm.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC), &wake->step);
}

void PipelineCore::TickIfDue() {
  absl::MutexLock lock(&mu_);
  const Deadline now = SteadyClock::now();
  if (now < tick_at_) return;
  tick_at_ = now + kTick;
  std::vector<uint64_t> due;
  for (const auto& [tag, operation] : operations_) {
    if (std::min(operation->next_at, operation->deadline) <= now) due.push_back(tag);
  }
  for (const uint64_t tag : due) OnTick(tag, *operations_.at(tag));
}

void PipelineCore::OnTick(uint64_t tag, Operation& operation) {
  Lane* at = operation.at;
  if (at == nullptr || !at->was_open()) {  // It was not sent.
    if (at != nullptr) operation.passed_over.insert(at);
    Send(tag, operation);
    return;
  }
  const Deadline now = SteadyClock::now();
  const Hearing& hearing = lanes_.HearingOf(*at);
  const Duration limit = operation.TryTimeout();
  const Deadline over_at = hearing.TooLongAt(operation.sent_at, limit, now);
  if (now < std::min(over_at, operation.deadline)) {
    operation.next_at = over_at;
    return;
  }
  if (hearing.IsSilent(operation.sent_at, limit, now)) lanes_.OnSilence(*at, now);
  OnError(tag, operation,
          Translate(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no answer"),
                    {.writes = operation.asking.writes, .endpoint = at->address()}));
}

void PipelineCore::TellFinished() {
  std::vector<Told> finished;
  {
    absl::MutexLock lock(&mu_);
    finished.swap(finished_);
  }
  if (finished.empty()) return;
  for (Told& told : finished) told.asking.finish(std::move(told.result));
  absl::MutexLock lock(&mu_);
  unfinished_ -= finished.size();
  if (unfinished_ == 0) idle_since_ = SteadyClock::now();
}

// A lane may close at any time: then the next one is tried.
Lane* PipelineCore::Send(uint64_t tag, Operation& operation) {
  operation.at = nullptr;
  const Deadline now = SteadyClock::now();
  if (now < operation.deadline) {
    while (Lane* lane = lanes_.Choose(operation.key(), operation.passed_over, now)) {
      if (lane->Send(operation.Try(tag, now))) return operation.at = lane;
      operation.passed_over.insert(lane);
    }
  }
  OnNobody(tag, operation, now);
  return nullptr;
}

// Everybody has been asked in this round, or cannot be reached.
void PipelineCore::OnNobody(uint64_t tag, Operation& operation, Deadline now) {
  operation.retry().OnUnreachable(
      {.kind = ErrorKind::kUnreachable, .message = "no endpoint answered: " + lanes_.WhyNobody()});
  const bool may_connect = lanes_.has_connected() || lanes_.IsAnyOpening();
  if (now >= operation.deadline || !operation.retry().MayAskAgain(may_connect)) {
    return GiveUp(tag, operation);
  }
  operation.passed_over = operation.never_there;
  operation.next_at = now + operation.retry().Pause();
}

void PipelineCore::OnOpen(Lane& lane) {
  absl::MutexLock lock(&mu_);
  lanes_.OnOpen(lane);
  if (lanes_.routes().empty()) FetchRing(lane);
}

void PipelineCore::OnAnswers(Lane& lane, v1::PipelineResponse& response) {
  absl::MutexLock lock(&mu_);
  Deadline sent_at{};
  for (Answer& answer : *response.mutable_answers()) {
    sent_at = std::max(sent_at, OnAnswer(lane, answer));
  }
  lanes_.OnAnswers(lane, sent_at, SteadyClock::now());
}

Deadline PipelineCore::OnAnswer(Lane& lane, Answer& answer) {
  const auto found = operations_.find(answer.tag());
  if (found == operations_.end()) return {};
  Operation& operation = *found->second;
  const Deadline sent_at = operation.at == &lane ? operation.sent_at : Deadline();
  if (answer.has_refusal()) {
    if (operation.at != &lane) return sent_at;  // It speaks of an earlier try alone.
    const google::rpc::Status& refusal = answer.refusal();
    const grpc::Status status(static_cast<grpc::StatusCode>(refusal.code()), refusal.message(),
                              refusal.SerializeAsString());
    const SentCall call{.writes = operation.asking.writes, .endpoint = lane.address()};
    OnError(answer.tag(), operation, Translate(status, call));
    return sent_at;
  }
  Learn(lane, answer);
  if (operation.owns_id()) write_ids_.Finish(operation.id);
  const uint64_t tag = answer.tag();
  const Duration took = SteadyClock::now() - operation.sent_at;
  End(tag,
      Operation::Answered{.answer = std::move(answer), .endpoint = lane.address(), .took = took});
  return sent_at;
}

void PipelineCore::OnClosed(Lane& lane, bool was_open, const grpc::Status& status) {
  absl::MutexLock lock(&mu_);
  lanes_.OnClosed(lane, was_open, status.error_message(), SteadyClock::now());
  std::vector<uint64_t> there;
  for (const auto& [tag, operation] : operations_) {
    if (operation->at == &lane) there.push_back(tag);
  }
  for (const uint64_t tag : there) {
    Operation& operation = *operations_.at(tag);
    if (!was_open) {
      operation.passed_over.insert(&lane);
      Send(tag, operation);
      continue;
    }
    const grpc::Status why =
        status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the node ended the stream")
                    : grpc::Status(status.error_code(), status.error_message());
    OnError(tag, operation,
            Translate(why, {.writes = operation.asking.writes, .endpoint = lane.address()}));
  }
}

// A try ended so.
void PipelineCore::OnError(uint64_t tag, Operation& operation, const Error& error) {
  const Deadline now = SteadyClock::now();
  Retry& retry = operation.retry();
  const Retry::Step step = retry.OnError(error);
  if (step == Retry::Step::kStop || now >= operation.deadline) return GiveUp(tag, operation);
  switch (step) {
    case Retry::Step::kNeverHere:
      operation.never_there.insert(operation.at);
      [[fallthrough]];
    case Retry::Step::kElsewhere:
      operation.passed_over.insert(operation.at);
      break;
    case Retry::Step::kNewBase:
      if (const auto told = error.metadata.find("base"); told != error.metadata.end()) {
        const auto base = config::ParseNumber(told->second);
        if (base.ok()) operation.id.base = std::max(operation.id.base, *base);
      } else {
        FetchRing(*operation.at);
        operation.id.base = std::max(operation.id.base, bases_.Of(operation.key()));
      }
      [[fallthrough]];
    default:
      operation.at = nullptr;
      operation.next_at = now + retry.Pause();
      return;
  }
  Send(tag, operation);
}

void PipelineCore::GiveUp(uint64_t tag, Operation& operation) {
  const Error error = operation.Conclude();
  if (operation.owns_id()) {
    error.kind == ErrorKind::kOutcomeUnknown ? write_ids_.Abandon(operation.id)
                                             : write_ids_.Finish(operation.id);
  }
  End(tag, error);
}

void PipelineCore::End(uint64_t tag, Result<Operation::Answered> result) {
  const auto found = operations_.find(tag);
  finished_.push_back({std::move(found->second->asking), std::move(result)});
  operations_.erase(found);
}

void PipelineCore::Learn(Lane& lane, const Answer& answer) {
  const v1::Served& served = ServedIn(answer);
  const PartitionId partition{served.partition()};
  if (const Index index = IndexIn(answer); index > 0) bases_.Learn(partition, index);
  if (served.hops() == 0) return;
  if (!lanes_.routes().Learn(partition, served.owner())) FetchRing(lane);
}

void PipelineCore::FetchRing(Lane& lane) {
  const Deadline now = SteadyClock::now();
  if (closing_ || ring_call_ || now < ring_asked_at_ + kRingAtMostEvery) return;
  ring_asked_at_ = now;
  ring_call_ = std::make_unique<RingCall>(*this);
  ring_call_->context.set_deadline(ToGrpc(now + std::chrono::seconds(2)));
  ring_call_->reader = lane.cluster().AsyncGetRing(&ring_call_->context, {}, &queue_);
  ring_call_->reader->Finish(&ring_call_->response, &ring_call_->status, &ring_call_->done);
}

void PipelineCore::OnRing() {
  absl::MutexLock lock(&mu_);
  const std::unique_ptr<RingCall> call = std::move(ring_call_);
  if (!call->status.ok()) return;
  const auto ring = FromProto(call->response);
  if (!ring) return;
  bases_.Learn(*ring);
  lanes_.routes().Learn(*ring);
}

}  // namespace kvd::client
