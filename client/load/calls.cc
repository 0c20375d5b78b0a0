#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "client/load/course.h"
#include "client/load/run.h"
#include "client/load/source.h"

namespace kvd::load {
namespace {

class Calls final : public Run {
 public:
  Calls(const client::Client& client, Target target, const RunOptions& options)
      : client_(client),
        target_(target),
        options_(options),
        course_(options),
        at_work_(options.callers) {
    for (size_t i = 0; i < options_.callers; ++i) {
      threads_.emplace_back([this, i] { Work(i); });
    }
  }

  ~Calls() override {
    Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  [[nodiscard]] Figures Look() const override { return course_.Look(); }

  void Stop() override { course_.pace().Stop(); }

  [[nodiscard]] bool Await(Duration patience) override {
    const absl::MutexLock lock(&mu_);
    const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return at_work_ == 0; };
    return mu_.AwaitWithTimeout(absl::Condition(&done), absl::FromChrono(patience));
  }

 private:
  void Work(size_t caller) {
    Source source({.workload = options_.workload, .seed = options_.seed, .caller = caller},
                  target_.records);
    while (const auto due = course_.pace().AwaitNext()) {
      const Operation operation = source.Next();
      course_.End(operation.kind, *due, Do(operation, target_.format.Value(source.random())));
    }
    const absl::MutexLock lock(&mu_);
    --at_work_;
  }

  [[nodiscard]] Ended Do(const Operation& operation, std::string_view value) {
    const std::string key = target_.format.Key(operation.record);
    switch (operation.kind) {
      case Kind::kRead: {
        const auto get = client_.Get(key);
        return get.ok() ? Ended{.absent = !get->entry} : Ended{.error = get.error()};
      }
      case Kind::kUpdate:
      case Kind::kInsert: {
        const auto put = client_.Put(key, value);
        if (operation.kind == Kind::kInsert) target_.records.EndInsert(operation.record, put.ok());
        return put.ok() ? Ended{} : Ended{.error = put.error()};
      }
      case Kind::kReadModifyWrite:
        return ReadModifyWrite(key, value);
    }
    return {};
  }

  // Whoever conflicts made somebody else succeed: this comes to an end.
  [[nodiscard]] Ended ReadModifyWrite(const std::string& key, std::string_view value) {
    Ended ended;
    while (true) {
      const auto get = client_.Get(key);
      if (!get.ok()) {
        ended.error = get.error();
        return ended;
      }
      const Version version = get->entry ? get->entry->version : 0;
      const auto put = client_.Put(key, value, {.if_version = version});
      if (put.ok() && !put->written()) {
        ++ended.conflicts;
        continue;
      }
      if (!put.ok()) ended.error = put.error();
      ended.absent = version == 0;
      return ended;
    }
  }

  const client::Client& client_;
  const Target target_;
  const RunOptions options_;
  Course course_;
  absl::Mutex mu_;
  size_t at_work_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Run> StartCalls(const client::Client& client, Target target,
                                const RunOptions& options) {
  // The connection is made when it is first used: not in the measured time.
  (void)client.Exists(target.format.Key(0), {.timeout = kConnectLimit});
  return std::make_unique<Calls>(client, target, options);
}

}  // namespace kvd::load
