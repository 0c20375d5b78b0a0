// The changes of a fake node: answers with the jobs that a test lists, and remembers what it was
// asked. Every plan is the one of three nodes that a fourth joins.
//
// Threading: thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/refusal.h"

namespace grpc {
class Service;
}

namespace kvd::client {

class FakeAdmin {
 public:
  // Kinds and states by their numbers in the protocol, so that a test can speak for a newer node.
  static constexpr int kJoin = 1;
  static constexpr int kReplace = 4;
  static constexpr int kRebalance = 5;
  static constexpr int kRunning = 1;
  static constexpr int kWaiting = 2;
  static constexpr int kAborting = 3;
  static constexpr int kDone = 4;
  static constexpr int kAborted = 5;

  struct Job {
    uint64_t id = 7;
    int kind = kJoin;
    int state = kRunning;
    std::vector<std::string> nodes = {"n4"};
    std::string asked_by = {};
    uint64_t copies = 192;
    uint64_t copies_left = 192;
    uint64_t bytes_done = 0;
    uint64_t bytes_left = 0;
    uint64_t bytes_per_second = 0;
    uint64_t age_ms = 0;
    std::optional<uint64_t> left_ms = {};
    std::string reason = {};
  };

  FakeAdmin();
  ~FakeAdmin();

  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;

  // What StartChange and AbortJob answer, one after the other; the last one from then on.
  void Start(std::vector<Job> jobs);

  // What ListJobs answers, likewise. Of a list that is asked for one job that one, or NOT_FOUND.
  void List(std::vector<std::vector<Job>> lists);

  // What ListGroups answers: a group of each of these partitions, owned by n1 alone, which is
  // wished to be on n2; of a list that is asked for one partition that one.
  void Move(std::vector<uint32_t> partitions);

  // From now on every plan moves nothing.
  void PlanNothing();

  // From now on every call ends so; or only the next `times`.
  void Refuse(const Refusal& refusal);
  void RefuseNext(int times, const Refusal& refusal);

  // The calls that arrived, in order: "StartChange leave { node: \"n2\" }".
  [[nodiscard]] std::vector<std::string> asked() const;

  // Who asked for the latest change; empty if nobody has, or it was a plan.
  [[nodiscard]] std::string asker() const;

  // For the server that it is to be served by, which must be gone first.
  [[nodiscard]] grpc::Service* service();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace kvd::client
