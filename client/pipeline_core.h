// What is behind a Pipeline: every operation that is underway, where it was sent, and one thread
// that hears answers, times tries out and sends again.
//
// An operation goes to the owner of its key as far as known, else to any node that answers. It is
// tried again by the rules of retry.h and, if it writes, under the same request id. The first
// definite answer counts, whichever try it is to.
//
// Threading: thread-safe.
#pragma once

#include <grpcpp/completion_queue.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "client/bases.h"
#include "client/lane.h"
#include "client/lanes.h"
#include "client/pipeline_operation.h"
#include "client/result.h"
#include "client/write_ids.h"

namespace kvd::client {

class PipelineCore final : public LaneListener {
 public:
  struct Settings {
    Duration timeout{};      // Of an operation; zero: no limit.
    Duration try_timeout{};  // Of its first try; zero: no limit.
    size_t max_underway = 0;
  };

  PipelineCore(Access access, const Settings& settings);

  // Waits until everything is finished.
  ~PipelineCore() override;
  PipelineCore(const PipelineCore&) = delete;
  PipelineCore& operator=(const PipelineCore&) = delete;

  using Operation = PipelineOperation;

  // Finishes on the core's thread, once. Blocks while too much is underway; not on the core's
  // thread.
  void Submit(Operation::Asking asking) ABSL_LOCKS_EXCLUDED(mu_);

  // Blocks until everything that was submitted is finished. Not on the core's thread.
  void AwaitAll() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct RingCall;
  struct Told {
    Operation::Asking asking;
    Result<Operation::Answered> result;
  };

  void OnOpen(Lane& lane) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnAnswers(Lane& lane, v1::PipelineResponse& response) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnClosed(Lane& lane, bool was_open, const grpc::Status& status) override
      ABSL_LOCKS_EXCLUDED(mu_);

  void Run();
  [[nodiscard]] bool IsMine() const { return std::this_thread::get_id() == thread_.get_id(); }
  [[nodiscard]] Deadline NextTick() ABSL_LOCKS_EXCLUDED(mu_);
  void TickIfDue() ABSL_LOCKS_EXCLUDED(mu_);
  void TellFinished() ABSL_LOCKS_EXCLUDED(mu_);
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // The lane it was queued for, which may be flushed; nullptr: none.
  Lane* Send(uint64_t tag, Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnNobody(uint64_t tag, Operation& operation, Deadline now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When what it answers was sent.
  Deadline OnAnswer(Lane& lane, v1::PipelineResponse::Answer& answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnError(uint64_t tag, Operation& operation, const Error& error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnTick(uint64_t tag, Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GiveUp(uint64_t tag, Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void End(uint64_t tag, Result<Operation::Answered> result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Learn(Lane& lane, const v1::PipelineResponse::Answer& answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FetchRing(Lane& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnRing() ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return unfinished_ < settings_.max_underway;
  }
  [[nodiscard]] bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return unfinished_ == 0; }

  const Settings settings_;
  grpc::CompletionQueue queue_;
  WriteIds write_ids_;
  Bases bases_;

  absl::Mutex mu_;
  Lanes lanes_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, std::unique_ptr<Operation>> operations_ ABSL_GUARDED_BY(mu_);
  std::vector<Told> finished_ ABSL_GUARDED_BY(mu_);
  uint64_t last_tag_ ABSL_GUARDED_BY(mu_) = 0;
  size_t unfinished_ ABSL_GUARDED_BY(mu_) = 0;  // Submitted, and not told yet.
  std::unique_ptr<RingCall> ring_call_ ABSL_GUARDED_BY(mu_);
  Deadline ring_asked_at_ ABSL_GUARDED_BY(mu_);
  Deadline tick_at_ ABSL_GUARDED_BY(mu_);
  Deadline idle_since_ ABSL_GUARDED_BY(mu_);
  bool asleep_ ABSL_GUARDED_BY(mu_) = false;  // Until an event comes, or Wake().
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace kvd::client
