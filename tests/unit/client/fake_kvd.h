// A kvd node that does what a test tells it to: a real gRPC server on a port of its own, with one
// map for a store and a script of what to answer instead.
//
// Threading: thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/refusal.h"

namespace kvd::client {

class FakeKvd {
 public:
  struct Options {
    std::string node = "n1";
    std::vector<std::string> nodes = {"n1"};  // Of the cluster, all up.
  };

  explicit FakeKvd(Options options);
  FakeKvd() : FakeKvd(Options{}) {}
  ~FakeKvd();  // Stops at once; calls in progress break off.

  FakeKvd(const FakeKvd&) = delete;
  FakeKvd& operator=(const FakeKvd&) = delete;

  // "127.0.0.1:PORT".
  [[nodiscard]] const std::string& address() const;

  // From now on every call on keys, and GetRing, ends so.
  void Refuse(Refusal refusal);

  // As Refuse(), with a status of gRPC's own and no ErrorInfo. `code` is a grpc::StatusCode.
  void FailWith(int code, std::string message);

  // From now on calls on keys are not answered before their deadline.
  void Hang();

  // Reports `node` as down in status and ring.
  void SetDown(const std::string& node);

  // Reports that the founding waits for something.
  void SetWaitingFor(std::string what);

  // How many calls on keys arrived.
  [[nodiscard]] int calls() const;

 private:
  class Services;
  std::unique_ptr<Services> services_;
};

}  // namespace kvd::client
