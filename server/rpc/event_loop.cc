#include "server/rpc/event_loop.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>

#include "absl/base/call_once.h"
#include "absl/synchronization/notification.h"
#include "common/check.h"
#include "server/runtime/thread_name.h"

namespace kvd::rpc {
namespace {

// Events of one round: so that a node under load still answers.
constexpr int kMostAtHand = 64;

// The queue that a server which is being built is to share; on the thread that builds it.
thread_local grpc::ServerCompletionQueue* shared = nullptr;

// gRPC's builder gives every server a queue of its own. This hook, called before a server starts,
// is the one place to register another.
class ShareQueue final : public grpc::Server::GlobalCallbacks {
 public:
  void PreSynchronousRequest(grpc::ServerContext*) override {}
  void PostSynchronousRequest(grpc::ServerContext*) override {}
  void PreServerStart(grpc::Server* server) override {
    if (shared == nullptr) return;
    grpc_server_register_completion_queue(server->c_server(), shared->cq(), nullptr);
  }
};

void InstallHook() {
  static absl::once_flag once;
  // gRPC deletes it in the end, whatever its header says.
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  absl::call_once(once, [] { grpc::Server::SetGlobalCallbacks(new ShareQueue); });
}

struct Posted final : Completion {
  explicit Posted(std::function<void()> f) : function(std::move(f)) {}

  void Proceed(bool) override {
    function();
    delete this;
  }

  std::function<void()> function;
  grpc::Alarm alarm;
};

// gRPC's monotonic clock is the one that instants are of in a process. It sleeps whole
// milliseconds, rather one too long.
gpr_timespec ToGrpc(Instant instant) {
  if (instant == Instant::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_from_nanos(instant.time_since_epoch().count(), GPR_CLOCK_MONOTONIC);
}

// gRPC wants to be told that nothing is left in a queue, of which nobody needs to know.
void Drain(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace

EventLoop::EventLoop(runtime::Watch& watch) : watch_(watch) {
  InstallHook();
}

EventLoop::~EventLoop() {
  Stop();
}

std::unique_ptr<grpc::Server> EventLoop::Serve(grpc::ServerBuilder& builder) {
  auto own = builder.AddCompletionQueue();
  if (queue_ == nullptr) {
    queue_ = std::move(own);
    return builder.BuildAndStart();
  }
  unused_.push_back(std::move(own));
  shared = queue_.get();
  auto server = builder.BuildAndStart();
  shared = nullptr;
  return server;
}

void EventLoop::Start() {
  KVD_CHECK(queue_ != nullptr, "a loop is started after its first server");
  thread_ = std::thread([this] { Run(); });
}

void EventLoop::Run() {
  runtime::NameThread("kvd-loop");
  while (true) {
    const Next next = Await(ToGrpc(watch_.SleepUntil()));
    if (next.status == Status::SHUTDOWN) return watch_.StopWatching();
    if (next.status == Status::GOT_EVENT) {
      HandleAllAtHand(next);
    } else {
      watch_.RoundIfDue();
    }
  }
}

EventLoop::Next EventLoop::Await(gpr_timespec deadline) {
  void* tag = nullptr;
  bool ok = false;
  const Status status = queue_->AsyncNext(&tag, &ok, deadline);
  return {status, static_cast<Completion*>(tag), ok};
}

// Looking once more costs less than a round, and frames to every peer, for each event.
void EventLoop::HandleAllAtHand(Next next) {
  const bool gathers = watch_.Gather();
  next.completion->Proceed(next.ok);
  if (!gathers) return;
  for (int i = 1; i < kMostAtHand; ++i) {
    next = Await(gpr_inf_past(GPR_CLOCK_MONOTONIC));
    if (next.status != Status::GOT_EVENT) break;
    next.completion->Proceed(next.ok);
  }
  watch_.RoundOfGathered();
}

void EventLoop::Post(std::function<void()> function) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return;
  auto* posted = new Posted(std::move(function));
  posted->alarm.Set(queue_.get(), gpr_now(GPR_CLOCK_REALTIME), static_cast<Completion*>(posted));
}

void EventLoop::AwaitReported() {
  absl::Notification reported;
  Post([&reported] { reported.Notify(); });
  reported.WaitForNotification();
}

void EventLoop::Stop() {
  if (queue_ == nullptr) return;
  {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
  }
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Drain(*queue_);
  }
  for (const auto& queue : unused_) {
    queue->Shutdown();
    Drain(*queue);
  }
  unused_.clear();
  queue_.reset();
}

}  // namespace kvd::rpc
