// A kvd node that does what a test tells it to: a real gRPC server on a port of its own, with one
// map for a store and a script of what to answer instead.
//
// Threading: thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/refusal.h"
#include "fake_admin.h"

namespace kvd::client {

class FakeKvd {
 public:
  // Keys, and the writes that were applied by request id. Nodes that share one are one cluster.
  class Store;
  [[nodiscard]] static std::shared_ptr<Store> MakeStore();

  struct Options {
    std::string node = "n1";
    std::vector<std::string> nodes = {"n1"};  // Of the cluster, all up.
    std::shared_ptr<Store> store = nullptr;   // Null: one of its own.
  };

  // A request id as it arrived.
  struct SeenId {
    uint64_t client = 0;
    uint64_t sequence = 0;
    uint64_t done_below = 0;
    uint64_t base = 0;

    friend bool operator==(const SeenId&, const SeenId&) = default;
  };

  explicit FakeKvd(Options options);
  FakeKvd() : FakeKvd(Options{}) {}
  ~FakeKvd();  // Stops at once; calls in progress break off.

  FakeKvd(const FakeKvd&) = delete;
  FakeKvd& operator=(const FakeKvd&) = delete;

  // "127.0.0.1:PORT".
  [[nodiscard]] const std::string& address() const;

  // From now on every call on keys, and GetRing, ends so; or only the next `times`.
  void Refuse(Refusal refusal);
  void RefuseNext(int times, Refusal refusal);

  // The next `times` writes are applied, and then their answer is lost with the connection.
  void LoseAnswers(int times);

  // Writes whose base is below `floor` are refused, unless they are known repetitions. GetRing
  // supplies `floor` as the base.
  void SetFloor(uint64_t floor);

  // The next `times` calls on keys are not answered before their deadline.
  void HangNext(int times);

  // As Refuse(), with a status of gRPC's own and no ErrorInfo. `code` is a grpc::StatusCode.
  void FailWith(int code, std::string message);

  // From now on calls on keys are not answered before their deadline, or Resume(), which answers
  // them late.
  void Hang();
  void Resume();

  // From now on every operation of a pipeline takes so long, one after the other.
  void SlowDown(Duration pause);

  // Reports `node` as down in status and ring.
  void SetDown(const std::string& node);

  // Reports that clients reach `node` there; without it they do here.
  void SetAddress(const std::string& node, std::string address);

  // Reports that the founding waits for something.
  void SetWaitingFor(std::string what);

  // Its changes of the cluster, and their script.
  [[nodiscard]] FakeAdmin& admin();

  // The request ids of the writes that arrived, in order.
  [[nodiscard]] std::vector<SeenId> ids() const;

  // How many calls on keys arrived.
  [[nodiscard]] int calls() const;

 private:
  class Services;
  std::unique_ptr<Services> services_;
};

}  // namespace kvd::client
