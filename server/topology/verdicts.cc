#include "server/topology/verdicts.h"

#include <algorithm>
#include <utility>

namespace kvd::topology {
namespace {

constexpr size_t kMost = 64;
constexpr Duration kValidFor = std::chrono::minutes(1);

}  // namespace

void Verdicts::Set(const Uuid& node, std::optional<Refusal> refusal, Instant now) {
  std::erase_if(verdicts_, [&](const Verdict& each) { return each.node == node; });
  if (!refusal) return;
  if (verdicts_.size() == kMost) verdicts_.pop_front();
  verdicts_.push_back({node, *std::move(refusal), now});
}

std::optional<Refusal> Verdicts::Find(const Uuid& node, Instant now) const {
  const auto found = std::ranges::find(verdicts_, node, &Verdict::node);
  if (found == verdicts_.end() || now - found->since > kValidFor) return std::nullopt;
  return found->refusal;
}

}  // namespace kvd::topology
