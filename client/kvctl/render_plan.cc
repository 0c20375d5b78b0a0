#include "client/kvctl/render_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "client/kvctl/layout.h"
#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

using client::Plan;
using nlohmann::ordered_json;
using Exposure = Plan::Exposure;
using Side = Plan::Side;

// How many of a kind are named; the others are counted.
constexpr size_t kMostNamed = 6;

std::string List(const std::vector<std::string>& items, std::string_view separator) {
  if (items.size() <= kMostNamed) return fmt::format("{}", fmt::join(items, separator));
  const std::vector<std::string> named(items.begin(), items.begin() + kMostNamed);
  return fmt::format("{} and {} more", fmt::join(named, separator), items.size() - kMostNamed);
}

// " (zone rack-d)", if one was given.
std::string InZone(const std::string& zone) {
  return zone.empty() ? "" : fmt::format(" (zone {})", Visible(zone));
}

// "add n4 (zone rack-d) to cluster demo".
struct ToSentence {
  std::string cluster;

  std::string operator()(const client::Join& join) const {
    return fmt::format("add {}{} to {}", Visible(join.node), InZone(join.zone), cluster);
  }
  std::string operator()(const client::Leave& leave) const {
    return fmt::format("{} leaves {}", Visible(leave.node), cluster);
  }
  std::string operator()(const client::Remove& remove) const {
    return fmt::format("remove {} from {}", Visible(remove.node), cluster);
  }
  std::string operator()(const client::Replace& replace) const {
    return fmt::format("replace {} by {}{} in {}", Visible(replace.node), Visible(replace.by),
                       InZone(replace.zone), cluster);
  }
  std::string operator()(const client::Rebalance& /*rebalance*/) const {
    return "rebalance " + cluster;
  }
};

std::string Head(const client::Change& change, const Plan& plan, std::string_view cluster) {
  const std::string name =
      cluster.empty() ? "the cluster" : fmt::format("cluster {}", Visible(cluster));
  const size_t before = plan.before.shares.size();
  const size_t after = plan.after.shares.size();
  return fmt::format("plan: {}, {}{}\n", std::visit(ToSentence{name}, change),
                     before == after ? "" : fmt::format("{} -> ", before), Plural(after, "node"));
}

using Counts = std::map<std::string, uint64_t>;

// "64 from each of n1, n2, n3"; "64 from n1, 62 from n2".
std::string Spread(const Counts& counts, std::string_view word) {
  std::vector<std::string> names;
  std::vector<std::string> each;
  std::set<uint64_t> different;
  for (const auto& [name, copies] : counts) {
    const std::string shown = Visible(name);
    names.push_back(shown);
    each.push_back(name.empty() ? fmt::format("{} additional", copies)
                                : fmt::format("{} {} {}", copies, word, shown));
    different.insert(copies);
  }
  if (names.size() < 2 || different.size() > 1 || counts.contains("")) return List(each, ", ");
  return fmt::format("{} {} each of {}", *different.begin(), word, List(names, ", "));
}

// Who gives and who takes, as shortly as it can be said.
std::string Movements(const Plan& plan) {
  Counts given;
  Counts taken;
  for (const Plan::Transfer& transfer : plan.transfers) {
    given[transfer.from] += transfer.copies;
    taken[transfer.to] += transfer.copies;
  }
  if (taken.size() == 1) return Spread(given, "from");
  if (given.size() == 1 && !given.contains("")) return Spread(taken, "to");
  return Spread(given, "from") + "; " + Spread(taken, "to");
}

std::string Moves(const Plan& plan) {
  if (plan.copies == 0) return "  move   nothing\n";
  uint64_t replicas = 0;
  for (const Plan::Share& share : plan.after.shares) replicas += share.replicas;
  return fmt::format("  move   {} of {}, about {}: {} (the minimum is {})\n", plan.copies,
                     Plural(replicas, "replica"), FormatBytes(plan.bytes), Movements(plan),
                     plan.minimum_copies);
}

// "192", or "190 to 193".
std::string Range(const Side& side, uint32_t Plan::Share::*member) {
  const auto [least, most] = std::ranges::minmax_element(side.shares, {}, member);
  const uint32_t low = (*least).*member;
  const uint32_t high = (*most).*member;
  return low == high ? std::to_string(low) : fmt::format("{} to {}", low, high);
}

std::string After(const Plan& plan) {
  const Side& side = plan.after;
  if (side.shares.empty()) return {};
  std::set<std::string> zones;
  for (const Plan::Share& share : side.shares) zones.insert(share.zone);
  if (zones.contains("")) zones.clear();  // Nobody knows where a node without one is.
  std::string out =
      fmt::format("  after  every node {} replicas and {} partitions owned",
                  Range(side, &Plan::Share::replicas), Range(side, &Plan::Share::owned));
  if (zones.size() > 1) out += fmt::format("; {}", Plural(zones.size(), "zone"));
  constexpr uint32_t kEven = 1000;
  if (side.fullest > kEven) out += fmt::format("; fullest/mean {:.2f}", side.fullest / 1000.0);
  return out + "\n";
}

std::string Copies(const Plan& plan) {
  if (plan.before.replication == plan.after.replication) return {};
  return fmt::format("  copies {} of each key instead of {}\n", plan.after.replication,
                     plan.before.replication);
}

std::string Time(const Plan& plan) {
  if (plan.time == Duration::zero()) return {};
  return fmt::format("  time   about {} at the allowed rate (rebalance.max_bytes_per_second)\n",
                     FormatAge(plan.time));
}

std::string Sentence(const Exposure& exposure) {
  std::string what = "a failure this kvctl does not know";
  if (exposure.of == Exposure::Of::kNode) what = "the loss of " + Visible(exposure.name);
  if (exposure.of == Exposure::Of::kZone) what = "the loss of zone " + Visible(exposure.name);
  std::string out = fmt::format("{} stops {}", what, Plural(exposure.stopped, "partition"));
  if (exposure.lost > 0) out += fmt::format(", and {} of them lose their data", exposure.lost);
  return out;
}

std::string Sentences(const Side& side) {
  if (side.exposures.empty()) return "no single failure stops a partition";
  std::vector<std::string> sentences;
  for (const Exposure& exposure : side.exposures) sentences.push_back(Sentence(exposure));
  return List(sentences, "; ");
}

std::string Risks(const Plan& plan) {
  if (plan.before.exposures.empty() && plan.after.exposures.empty()) return {};
  return fmt::format("  risk   before: {}\n         after:  {}\n", Sentences(plan.before),
                     Sentences(plan.after));
}

ordered_json SharesJson(const Side& side) {
  auto shares = ordered_json::array();
  for (const Plan::Share& share : side.shares) {
    shares.push_back({{"node", Visible(share.node)},
                      {"zone", Visible(share.zone)},
                      {"replicas", share.replicas},
                      {"owned", share.owned}});
  }
  return shares;
}

ordered_json ExposuresJson(const Side& side) {
  auto exposures = ordered_json::array();
  for (const Exposure& exposure : side.exposures) {
    const bool is_zone = exposure.of == Exposure::Of::kZone;
    const bool is_node = exposure.of == Exposure::Of::kNode;
    exposures.push_back({{"failure", is_zone   ? "zone"
                                     : is_node ? "node"
                                               : "unknown"},
                         {"name", Visible(exposure.name)},
                         {"lost", exposure.lost},
                         {"stopped", exposure.stopped}});
  }
  return exposures;
}

ordered_json SideJson(const Side& side) {
  ordered_json object;
  object["nodes"] = SharesJson(side);
  object["fullest_to_mean"] = side.fullest / 1000.0;
  object["replication"] = side.replication;
  object["exposures"] = ExposuresJson(side);
  return object;
}

}  // namespace

std::string RenderPlan(const client::Change& change, const Plan& plan, std::string_view cluster) {
  return Head(change, plan, cluster) + Moves(plan) + After(plan) + Copies(plan) + Time(plan) +
         Risks(plan);
}

std::string PlanJson(const client::Change& change, const Plan& plan) {
  ordered_json object;
  object["plan"] = client::JobKindName(client::KindOf(change));
  object["nodes"] = ordered_json::array();
  for (const std::string& node : client::NodesOf(change)) object["nodes"].push_back(Visible(node));
  object["copies"] = plan.copies;
  object["minimum_copies"] = plan.minimum_copies;
  object["bytes"] = plan.bytes;
  object["time_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(plan.time).count();
  object["transfers"] = ordered_json::array();
  for (const Plan::Transfer& transfer : plan.transfers) {
    object["transfers"].push_back({{"from", Visible(transfer.from)},
                                   {"to", Visible(transfer.to)},
                                   {"copies", transfer.copies},
                                   {"bytes", transfer.bytes}});
  }
  object["before"] = SideJson(plan.before);
  object["after"] = SideJson(plan.after);
  return object.dump() + "\n";
}

}  // namespace kvd::kvctl
