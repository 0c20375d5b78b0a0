// Counts and times what clients ask of this node, from the moment it is posted to the node to its
// answer: per kind of operation, and per reason for which it was refused. What peers forward is
// counted where the client asked.
//
// Threading: thread-safe, without a lock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/clock.h"
#include "common/refusal.h"
#include "server/node/messages.h"
#include "server/observability/metrics.h"

namespace kvd::observability {
class MetricsPage;
}  // namespace kvd::observability

namespace kvd::rpc {

class RequestMetrics {
 public:
  // What is to be remembered of an operation until it ends.
  struct Begun {
    node::OperationKind kind = node::OperationKind::kGet;
    uint64_t bytes = 0;
    Instant at{};
  };

  // The operation is underway.
  [[nodiscard]] Begun Begin(const node::Operation& operation, Instant now);

  // It was answered, or refused for this reason. REQUIRES: once for what Begin() gave.
  void End(const Begun& begun, std::optional<Reason> refused, Instant now);

  // What was asked for is no operation.
  void CountMalformed(Reason reason) { Count(kMalformed, reason); }

  void AddTo(observability::MetricsPage& page) const;

 private:
  static constexpr size_t kKinds = static_cast<size_t>(node::OperationKind::kAdminister) + 1;
  static constexpr size_t kMalformed = kKinds;  // As if it were a kind.
  static constexpr size_t kReasons = static_cast<size_t>(Reason::kInternal) + 1;

  void Count(size_t kind, std::optional<Reason> refused);

  // Of each kind by reason; the last one is of those that were not refused.
  std::array<std::array<observability::Counter, kReasons + 1>, kKinds + 1> ended_;
  std::array<observability::Histogram, kKinds> took_;
  observability::Gauge underway_;
  observability::Gauge underway_bytes_;
};

}  // namespace kvd::rpc
