#include "client/kvctl/render_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

using client::ClusterStatus;
using client::NodeState;
using client::NodeStatus;
using nlohmann::ordered_json;

int64_t Milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string ForHowLong(const NodeStatus& node) {
  std::string text;
  if (node.silent > Duration::zero()) (text += " for ").append(FormatAge(node.silent));
  if (!node.silent_reason.empty()) text += fmt::format(" ({})", node.silent_reason);
  return text;
}

// What a missing owner means. With more copies than one, the others take over.
std::string WhatItOwned(const NodeStatus& node, const ClusterStatus& status) {
  if (status.replication > 1) {
    return status.leaderless == 0 ? "other nodes own its partitions"
                                  : "not all of its partitions have an owner";
  }
  if (node.owned == 0) return "it owns no partition";
  return fmt::format("its {} {} unavailable until it is back", Plural(node.owned, "partition"),
                     node.owned == 1 ? "is" : "are");
}

std::optional<Problem> ProblemOf(const NodeStatus& node, const ClusterStatus& status) {
  const auto problem = [&](const std::string& text) {
    return Problem{.node = node.name, .message = fmt::format("{} {}", node.name, text)};
  };
  switch (node.state) {
    case NodeState::kUp:
      return std::nullopt;
    case NodeState::kSuspect:
      return problem(fmt::format("is silent{}; requests for its {} may wait", ForHowLong(node),
                                 Plural(node.owned, "partition")));
    case NodeState::kDown:
      return problem(
          fmt::format("is unreachable{}; {}", ForHowLong(node), WhatItOwned(node, status)));
    case NodeState::kJoining:
      return problem("has not been founded yet" + ForHowLong(node));
    case NodeState::kDraining:
      return problem(status.replication > 1 ? "is stopping, and hands its partitions over"
                                            : fmt::format("is stopping; its {} will be unavailable",
                                                          Plural(node.owned, "partition")));
    case NodeState::kUnknown:
      return problem("is in a state this kvctl does not know; a newer kvctl does");
  }
  return std::nullopt;
}

std::string JobsText(JobCount jobs) {
  if (!jobs) return "jobs unknown";
  return *jobs == 0 ? "no jobs" : Plural(*jobs, "job");
}

std::string Summary(const ClusterStatus& status, const Health& health, JobCount jobs, bool colour) {
  std::string name(HealthName(health.state));
  if (health.state != Health::State::kHealthy) {
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 32); });
  }
  const Tint tint = health.state == Health::State::kHealthy    ? Tint::kGreen
                    : health.state == Health::State::kFounding ? Tint::kYellow
                                                               : Tint::kRed;
  const std::string out =
      fmt::format("cluster {}   {}", Visible(status.cluster), Paint(name, tint, colour));
  if (health.state == Health::State::kFounding) {
    return out + fmt::format("   {} in the cluster file\n", Plural(status.nodes.size(), "node"));
  }
  return out + fmt::format("   {}/{} nodes up", health.nodes_up, status.nodes.size()) +
         fmt::format("   epoch {}   {} x {}   {}\n", status.epoch.value,
                     Plural(status.partitions, "partition"), Plural(status.replication, "replica"),
                     JobsText(jobs));
}

// What is true beside the problems and should not surprise anybody.
std::string Notes(const ClusterStatus& status, const Health& health) {
  if (health.state == Health::State::kFounding) return {};
  std::string out;
  if (health.partitions_unavailable > 0) {
    out += fmt::format("  {} of {} partitions are served; keys in the others are refused (rc 6)\n",
                       status.partitions - health.partitions_unavailable, status.partitions);
  }
  if (status.replication > 1 && health.nodes_up < status.nodes.size()) {
    const size_t missing = status.nodes.size() - health.nodes_up;
    const size_t tolerated = (status.replication - 1) / 2;
    if (status.leaderless == 0) out += "  every key is served";
    if (status.leaderless == 0 && missing >= tolerated) {
      out += "; no further failure is tolerated: if one more node fails, some keys are not";
    }
    if (status.leaderless == 0) out += "\n";
  }
  if (status.replication_wished > status.replication) {
    out +=
        fmt::format("  each key has {}, cluster.replication asks for {}: that needs more nodes\n",
                    Plural(status.replication, "replica"), status.replication_wished);
  }
  return out;
}

// What to do about it. A node that waits may be a new one, or one that lost its disk: in both cases
// it goes on by itself as soon as it reaches the others.
std::string Next(const ClusterStatus& status, const Health& health) {
  if (health.state == Health::State::kFounding) {
    return fmt::format(
        "  next: start the nodes it waits for, each with the same cluster file; {} goes on by "
        "itself\n"
        "        once it reaches them (kvctl wait --ready)\n",
        status.answered_by.empty() ? "it" : Visible(status.answered_by));
  }
  std::string out;
  for (const NodeStatus& node : status.nodes) {
    if (node.state != NodeState::kDown && node.state != NodeState::kJoining) continue;
    out += fmt::format("  next: start {} (journalctl -u kvd@{} says why it stopped)\n",
                       Visible(node.name), Visible(node.name));
  }
  return out;
}

}  // namespace

std::string_view HealthName(Health::State state) {
  switch (state) {
    case Health::State::kHealthy:
      return "healthy";
    case Health::State::kFounding:
      return "founding";
    case Health::State::kDegraded:
      return "degraded";
  }
  return "degraded";
}

Tint TintOf(NodeState state) {
  switch (state) {
    case NodeState::kUp:
      return Tint::kGreen;
    case NodeState::kDown:
      return Tint::kRed;
    default:
      return Tint::kYellow;
  }
}

Health JudgeHealth(const ClusterStatus& status) {
  Health health;
  for (const NodeStatus& node : status.nodes) {
    if (node.state == NodeState::kUp) ++health.nodes_up;
    if (node.state == NodeState::kDown && status.replication <= 1) {
      health.partitions_unavailable += node.owned;
    }
    if (!status.waiting_for.empty()) continue;  // That says it all.
    if (auto problem = ProblemOf(node, status)) health.problems.push_back(*std::move(problem));
  }
  if (status.leaderless > 0 && status.waiting_for.empty()) {
    health.partitions_unavailable =
        std::max<uint64_t>(health.partitions_unavailable, status.leaderless);
    health.problems.push_back(
        {.node = {},
         .message = fmt::format("{} without an owner: too few of their replicas are up, or an "
                                "election is under way",
                                Plural(status.leaderless, "partition"))});
  }
  if (!status.halted.empty()) health.problems.push_back({.node = {}, .message = status.halted});
  if (!status.waiting_for.empty()) {
    health.state = Health::State::kFounding;
    health.problems.push_back({.node = {}, .message = status.waiting_for});
  } else if (!health.problems.empty() || status.nodes.empty()) {
    health.state = Health::State::kDegraded;
  }
  return health;
}

std::string RenderStatus(const ClusterStatus& status, JobCount jobs, bool colour) {
  const Health health = JudgeHealth(status);
  std::string out = Summary(status, health, jobs, colour);
  for (const Problem& problem : health.problems)
    (out += "  ").append(Visible(problem.message)).append("\n");
  out += Notes(status, health);
  if (health.state != Health::State::kHealthy) out += Next(status, health);
  return out + NodesTable(status, colour);
}

std::string StatusJson(const ClusterStatus& status, JobCount jobs) {
  const Health health = JudgeHealth(status);
  ordered_json object;
  object["cluster"] = Visible(status.cluster);
  object["state"] = HealthName(health.state);
  object["epoch"] = status.epoch.value;
  object["partitions"] = status.partitions;
  object["replication"] = status.replication;
  object["replication_wished"] = status.replication_wished;
  object["nodes_up"] = health.nodes_up;
  object["nodes"] = status.nodes.size();
  object["jobs"] = jobs ? ordered_json(*jobs) : ordered_json(nullptr);
  object["partitions_unavailable"] = health.partitions_unavailable;
  object["answered_by"] = Visible(status.answered_by);
  object["problems"] = ordered_json::array();
  for (const Problem& problem : health.problems) {
    object["problems"].push_back(
        {{"node", Visible(problem.node)}, {"message", Visible(problem.message)}});
  }
  return object.dump() + "\n";
}

std::string NodesTable(const ClusterStatus& status, bool colour) {
  using Align = Table::Align;
  Table table;
  for (const auto& [name, align] :
       {std::pair{"NODE", Align::kLeft}, std::pair{"STATE", Align::kLeft},
        std::pair{"ADDRESS", Align::kLeft}, std::pair{"ZONE", Align::kLeft},
        std::pair{"OWNS", Align::kRight}, std::pair{"REPLICAS", Align::kRight},
        std::pair{"KEYS", Align::kRight}, std::pair{"DISK", Align::kRight},
        std::pair{"BEHIND", Align::kRight}, std::pair{"UPTIME", Align::kRight},
        std::pair{"VERSION", Align::kLeft}}) {
    table.AddColumn(name, align);
  }
  for (const NodeStatus& node : status.nodes) {
    const bool up = node.state == NodeState::kUp;
    std::string state(client::StateName(node.state));
    if (!up && node.silent > Duration::zero()) (state += ' ').append(FormatAge(node.silent));
    const auto& load = node.load;
    table.AddRow({{node.name},
                  {state, TintOf(node.state)},
                  {node.address},
                  {node.zone},
                  {std::to_string(node.owned)},
                  {std::to_string(node.replicas)},
                  {load ? FormatCount(load->keys) : ""},
                  {load ? FormatBytes(load->disk_bytes) : ""},
                  {node.behind ? FormatCount(*node.behind) : ""},
                  {load && up ? FormatAge(load->uptime) : ""},
                  {load ? load->version : ""}});
  }
  return table.Render(colour);
}

std::string NodesJson(const ClusterStatus& status) {
  std::string out;
  for (const NodeStatus& node : status.nodes) {
    ordered_json object;
    object["name"] = Visible(node.name);
    object["state"] = client::StateName(node.state);
    object["uuid"] = node.uuid ? node.uuid->ToString() : "";
    object["address"] = Visible(node.address);
    object["peer_address"] = Visible(node.peer_address);
    object["zone"] = Visible(node.zone);
    object["owned"] = node.owned;
    object["replicas"] = node.replicas;
    object["version"] = node.load ? Visible(node.load->version) : "";
    object["silent_ms"] = Milliseconds(node.silent);
    object["silent_reason"] = Visible(node.silent_reason);
    if (node.load) {
      object["keys"] = node.load->keys;
      object["disk_bytes"] = node.load->disk_bytes;
      object["uptime_ms"] = Milliseconds(node.load->uptime);
    }
    if (node.behind) object["behind"] = *node.behind;
    out += object.dump() + "\n";
  }
  return out;
}

}  // namespace kvd::kvctl
