#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "client/load/course.h"
#include "client/load/run.h"
#include "client/load/slots.h"
#include "client/load/source.h"
#include "client/pipeline.h"

namespace kvd::load {
namespace {

// Keys that are owned by so many nodes as there are, in all likelihood.
constexpr size_t kEnoughForEveryNode = 64;

// One thread begins the operations; the pipeline's own ends them, and goes on with those that take
// two steps.
class Pipelined final : public Run {
 public:
  Pipelined(client::Pipeline pipeline, Target target, const RunOptions& options)
      : target_(target),
        options_(options),
        slots_(options.callers),
        pipeline_(Connected(std::move(pipeline), target)),
        course_(options),
        thread_([this] { Work(); }) {}

  ~Pipelined() override {
    Stop();
    thread_.join();
  }

  Pipelined(const Pipelined&) = delete;
  Pipelined& operator=(const Pipelined&) = delete;

  [[nodiscard]] Figures Look() const override { return course_.Look(); }

  void Stop() override { course_.pace().Stop(); }

  [[nodiscard]] bool Await(Duration patience) override {
    const absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&has_ended_), absl::FromChrono(patience));
  }

 private:
  struct Flight {
    Operation operation;
    std::string key;
    std::string_view value;
    Duration due{};
    uint64_t conflicts = 0;
  };

  // Streams are made when they are first used: not in the measured time.
  static client::Pipeline Connected(client::Pipeline pipeline, Target target) {
    for (uint64_t record = 0; record < kEnoughForEveryNode; ++record) {
      pipeline.Exists(target.format.Key(record), [](const auto&) {}, {.timeout = kConnectLimit});
    }
    pipeline.AwaitAll();
    return pipeline;
  }

  void Work() {
    Source source({.workload = options_.workload, .seed = options_.seed}, target_.records);
    while (true) {
      // All may be waiting for a node that is gone.
      if (!slots_.Take(std::chrono::milliseconds(20))) {
        if (course_.pace().IsOver()) break;
        continue;
      }
      const auto due = course_.pace().AwaitNext();
      if (!due) break;
      const Operation operation = source.Next();
      Begin({.operation = operation,
             .key = target_.format.Key(operation.record),
             .value = target_.format.Value(source.random()),
             .due = *due});
    }
    pipeline_.AwaitAll();
    const absl::MutexLock lock(&mu_);
    has_ended_ = true;
  }

  void Begin(const Flight& flight) {
    switch (flight.operation.kind) {
      case Kind::kRead:
        return pipeline_.Get(
            flight.key, [this, flight](const client::Result<client::GetAnswer>& get) {
              End(flight, get.ok() ? Ended{.absent = !get->entry} : Ended{.error = get.error()});
            });
      case Kind::kUpdate:
      case Kind::kInsert:
        return pipeline_.Put(flight.key, flight.value,
                             [this, flight](const client::Result<client::PutAnswer>& put) {
                               const bool inserts = flight.operation.kind == Kind::kInsert;
                               if (inserts)
                                 target_.records.EndInsert(flight.operation.record, put.ok());
                               End(flight, put.ok() ? Ended{} : Ended{.error = put.error()});
                             });
      case Kind::kReadModifyWrite:
        return pipeline_.Get(flight.key,
                             [this, flight](const client::Result<client::GetAnswer>& get) {
                               if (!get.ok()) return End(flight, {.error = get.error()});
                               WriteOver(get->entry ? get->entry->version : 0, flight);
                             });
    }
  }

  // Whoever conflicts made somebody else succeed: this comes to an end.
  void WriteOver(Version version, const Flight& flight) {
    pipeline_.Put(
        flight.key, flight.value,
        [this, version, flight = flight](const client::Result<client::PutAnswer>& put) mutable {
          if (!put.ok()) return End(flight, {.error = put.error()});
          if (put->written()) return End(flight, {.absent = version == 0});
          ++flight.conflicts;
          Begin(flight);
        },
        {.if_version = version});
  }

  void End(const Flight& flight, Ended ended) {
    ended.conflicts = flight.conflicts;
    course_.End(flight.operation.kind, flight.due, std::move(ended));
    slots_.Free();
  }

  const Target target_;
  const RunOptions options_;
  Slots slots_;
  client::Pipeline pipeline_;
  Course course_;  // Its time begins when there are connections.
  absl::Mutex mu_;
  bool has_ended_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace

client::Result<std::unique_ptr<Run>> StartPipelined(const client::Options& client, Target target,
                                                    const RunOptions& options) {
  // The slots are the limit.
  const size_t most = std::max(options.callers, kEnoughForEveryNode);
  auto pipeline = client::Pipeline::Open(client, {.max_underway = most});
  if (!pipeline.ok()) return pipeline.error();
  return std::unique_ptr<Run>(std::make_unique<Pipelined>(*std::move(pipeline), target, options));
}

}  // namespace kvd::load
