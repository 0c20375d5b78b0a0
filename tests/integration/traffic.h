// Clients that write, read and count while a test does something to the nodes, and judge what they
// were answered. Every other one goes through a pipeline that they share.
//
// Each client has a register and a counter that nobody else writes, so that its history tells what
// a linearizable store may answer. Versions never fall. A read of the register sees the last
// acknowledged write, or a later one whose outcome was unknown; once seen, that one stays. The
// counter, added to under request ids, is exact.
//
// Threading: confined to the test's main thread; Await() and the queries may be called while the
// clients run.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/client.h"
#include "client/pipeline.h"
#include "tests/support/cluster.h"

namespace kvd::testing {

class Traffic {
 public:
  // `clients` of them; each knows all nodes, and prefers another one. Starts at once.
  Traffic(const Cluster& cluster, int clients);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // Waits until every client was answered `more` times from now on; a test failure if that never
  // happens.
  void Await(uint64_t more) const;

  void Stop();

  // Operations that ended without an answer, as sentences, and answers that no linearizable store
  // gives.
  [[nodiscard]] std::vector<std::string> failures() const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] std::vector<std::string> anomalies() const ABSL_LOCKS_EXCLUDED(mu_);

  // Reads everything through `reader`, once stopped: a test failure for each value that is lost and
  // each counter that is not exact.
  void ExpectNothingLost(const client::Client& reader) const;

 private:
  class Actor;

  void Fail(std::string what) ABSL_LOCKS_EXCLUDED(mu_);
  void Report(std::string anomaly) ABSL_LOCKS_EXCLUDED(mu_);

  std::atomic<bool> stopping_ = false;
  mutable absl::Mutex mu_;
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> anomalies_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<client::Pipeline> pipeline_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::vector<std::thread> threads_;
};

}  // namespace kvd::testing
