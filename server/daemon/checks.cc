#include "server/daemon/checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::daemon {
namespace {

std::string WrongIf(bool wrong, std::string why) {
  return wrong ? std::move(why) : std::string();
}

bool IsDraining(const node::ClusterView& view) {
  return std::ranges::any_of(view.nodes, [&](const node::NodeView& each) {
    return each.card.uuid == view.self.uuid && each.state == node::NodeState::kDraining;
  });
}

uint64_t BehindOf(const node::ClusterView& view) {
  const auto self = std::ranges::find(view.nodes, view.self.uuid,
                                      [](const node::NodeView& each) { return each.card.uuid; });
  return self == view.nodes.end() || !self->load ? 0 : self->load->behind;
}

}  // namespace

std::vector<Check> CheckLife(const std::optional<NodeFacts>& facts, Duration patience) {
  return {{"node", WrongIf(!facts, fmt::format("has not answered for {} ms",
                                               patience / std::chrono::milliseconds(1)))}};
}

std::vector<Check> CheckReadiness(const std::optional<NodeFacts>& facts, Duration patience) {
  std::vector<Check> checks = CheckLife(facts, patience);
  if (!facts) return checks;
  const node::ClusterView& view = facts->view;
  const uint64_t behind = BehindOf(view);
  checks.push_back({"member", view.waiting_for});
  checks.push_back({"serving", WrongIf(IsDraining(view), "draining, the node is about to stop")});
  checks.push_back({"replicas", WrongIf(facts->missing > 0,
                                        fmt::format("{} have yet to be made here, {} are here",
                                                    facts->missing, facts->replicas))});
  checks.push_back({"owners", WrongIf(view.leaderless > 0,
                                      fmt::format("{} of {} replicas have no owner within reach",
                                                  view.leaderless, facts->replicas))});
  checks.push_back({"caught_up", WrongIf(behind > kUnderway,
                                         fmt::format("{} entries have yet to arrive", behind))});
  return checks;
}

observability::HttpResponse Report(std::string_view word, const std::vector<Check>& checks,
                                   bool verbose) {
  std::string text;
  bool good = true;
  for (const Check& check : checks) {
    const bool fails = !check.wrong.empty();
    good = good && !fails;
    if (fails || verbose) text += fmt::format("{}: {}\n", check.name, fails ? check.wrong : "ok");
  }
  text += fmt::format("{}{}\n", good ? "" : "not ", word);
  return {.code = good ? 200 : 503, .body = text};
}

}  // namespace kvd::daemon
