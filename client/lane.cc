#include "client/lane.h"

#include <grpcpp/channel.h>

namespace kvd::client {
namespace {

// The most operations that a node takes in one message, and about its bytes: large enough for none
// to cost much.
constexpr int kMaxOperations = 1000;
constexpr size_t kMessageBytes = size_t{256} << 10U;

}  // namespace

Lane::Lane(std::string address, const std::shared_ptr<grpc::Channel>& channel,
           grpc::CompletionQueue& queue, LaneListener& listener)
    : address_(std::move(address)),
      queue_(queue),
      listener_(listener),
      kv_(v1::KV::NewStub(channel)),
      cluster_(v1::Cluster::NewStub(channel)) {}

Lane::State Lane::state() const {
  absl::MutexLock lock(&mu_);
  return state_;
}

bool Lane::was_open() const {
  absl::MutexLock lock(&mu_);
  return was_open_;
}

void Lane::Open() {
  {
    absl::MutexLock lock(&mu_);
    if (state_ != State::kClosed) return;
    state_ = State::kOpening;
    was_open_ = false;
    call_ = std::make_unique<Call>();
    ++using_;
  }
  call_->stream = kv_->PrepareAsyncPipeline(&call_->context, &queue_);
  call_->stream->StartCall(&started_);
  End();
}

bool Lane::Send(v1::PipelineRequest::Operation operation) {
  absl::MutexLock lock(&mu_);
  if (state_ != State::kOpening && state_ != State::kOpen) return false;
  queued_.push_back(std::move(operation));
  return true;
}

void Lane::Flush() {
  {
    absl::MutexLock lock(&mu_);
    if (state_ != State::kOpen || writing_ || queued_.empty()) return;
    writing_ = true;
    using_ += 2;  // This thread, and the write.
    Fill(call_->request);
  }
  call_->stream->Write(call_->request, &written_);
  End();
}

void Lane::Fill(v1::PipelineRequest& request) {
  request.clear_operations();
  size_t bytes = 0;
  while (!queued_.empty() && request.operations_size() < kMaxOperations && bytes < kMessageBytes) {
    bytes += queued_.front().ByteSizeLong();
    request.mutable_operations()->Add(std::move(queued_.front()));
    queued_.pop_front();
  }
}

void Lane::Cancel() {
  {
    absl::MutexLock lock(&mu_);
    if (state_ != State::kOpening && state_ != State::kOpen) return;
    ++using_;
  }
  call_->context.TryCancel();
  End();
}

void Lane::Started(bool ok) {
  if (!ok) return Read(false);
  {
    absl::MutexLock lock(&mu_);
    state_ = State::kOpen;
    was_open_ = true;
  }
  call_->stream->Read(&call_->response, &read_);
  listener_.OnOpen(*this);
}

void Lane::Read(bool ok) {
  if (ok) {
    listener_.OnAnswers(*this, call_->response);
    call_->stream->Read(&call_->response, &read_);
    return;
  }
  {
    absl::MutexLock lock(&mu_);
    state_ = State::kClosing;
    ++using_;
  }
  End();
}

void Lane::Written() {
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
  }
  End();
  Flush();
}

// Whoever is the last to use a stream that is closing ends it.
void Lane::End() {
  {
    absl::MutexLock lock(&mu_);
    if (--using_ > 0 || state_ != State::kClosing) return;
  }
  call_->stream->Finish(&call_->status, &finished_);
}

void Lane::Finished() {
  const std::unique_ptr<Call> call = std::move(call_);
  bool was_open = false;
  {
    absl::MutexLock lock(&mu_);
    was_open = was_open_;
    queued_.clear();
    state_ = State::kClosed;
  }
  listener_.OnClosed(*this, was_open, call->status);
}

}  // namespace kvd::client
