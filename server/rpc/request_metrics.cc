#include "server/rpc/request_metrics.h"

#include <string>
#include <string_view>

#include "common/check.h"
#include "server/node/requests.h"
#include "server/observability/metrics_page.h"

namespace kvd::rpc {
namespace {

// As OperationKind, and what is none.
constexpr std::array<std::string_view, 7> kOps = {"get",   "put",   "delete",   "increment",
                                                  "batch", "admin", "malformed"};

}  // namespace

RequestMetrics::Begun RequestMetrics::Begin(const node::Operation& operation, Instant now) {
  const Begun begun{.kind = operation.kind(), .bytes = node::SizeOf(operation), .at = now};
  underway_.Add(1);
  underway_bytes_.Add(begun.bytes);
  return begun;
}

void RequestMetrics::End(const Begun& begun, std::optional<Reason> refused, Instant now) {
  const auto kind = static_cast<size_t>(begun.kind);
  underway_.Subtract(1);
  underway_bytes_.Subtract(begun.bytes);
  took_.at(kind).Observe(now - begun.at);
  Count(kind, refused);
}

void RequestMetrics::Count(size_t kind, std::optional<Reason> refused) {
  ended_.at(kind).at(refused ? static_cast<size_t>(*refused) : kReasons).Add();
}

// Reasons that never occurred too: what appears with its first refusal has no rate for it.
void RequestMetrics::AddTo(observability::MetricsPage& page) const {
  static_assert(kOps.size() == kKinds + 1);
  for (size_t kind = 0; kind <= kKinds; ++kind) {
    const std::string op(kOps.at(kind));
    for (size_t reason = 0; reason <= kReasons; ++reason) {
      if (kind == kMalformed && reason == kReasons) continue;
      const std::string_view name =
          reason == kReasons ? "OK" : ReasonName(static_cast<Reason>(reason));
      page.AddCounter("kvd_rpc_requests_total",
                      "Operations of clients that were answered, by the reason for which they were "
                      "refused; OK if they were not.",
                      static_cast<double>(ended_.at(kind).at(reason).value()),
                      {{"op", op}, {"reason", std::string(name)}});
    }
  }
  uint64_t unknown = 0;
  for (const auto& of_kind : ended_) {
    unknown += of_kind.at(static_cast<size_t>(Reason::kOutcomeUnknown)).value();
  }
  page.AddCounter("kvd_partition_unknown_outcomes_total",
                  "Operations whose clients were told that nobody knows whether they were applied.",
                  static_cast<double>(unknown));
  for (size_t kind = 0; kind < kKinds; ++kind) {
    page.AddHistogram("kvd_rpc_request_seconds",
                      "Time from an operation's arrival at this node to its answer, wherever its "
                      "owner is; refused ones included.",
                      took_.at(kind).value(), {{"op", std::string(kOps.at(kind))}});
  }
  page.AddGauge("kvd_rpc_inflight_operations", "Operations of clients that are not answered yet.",
                static_cast<double>(underway_.value()));
  page.AddGauge("kvd_rpc_inflight_bytes",
                "Memory held by operations of clients that are not answered yet.",
                static_cast<double>(underway_bytes_.value()));
}

}  // namespace kvd::rpc
