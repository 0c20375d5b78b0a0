#include "client/kvctl/commands_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "client/admin.h"
#include "client/kvctl/commands_data.h"
#include "client/kvctl/commands_jobs.h"
#include "client/kvctl/follow.h"
#include "client/kvctl/layout.h"
#include "client/kvctl/render_ring.h"
#include "client/kvctl/render_status.h"
#include "common/hash.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds(100);

// Of the state of the cluster, for how many jobs there are: they are not what was asked for.
constexpr Duration kJobsLimit = std::chrono::milliseconds(500);

JobCount CountJobs(const Session& session, const client::Client& cluster) {
  const Duration limit = std::min(session.TimeLeft().value_or(kJobsLimit), kJobsLimit);
  const auto jobs = client::Admin(cluster).ListJobs(std::nullopt, {.timeout = limit});
  if (!jobs.ok()) return std::nullopt;
  return std::ranges::count_if(*jobs, [](const client::Job& job) { return !job.has_ended(); });
}

std::string PingText(const client::PingAnswer& answer) {
  return Visible(fmt::format("{} at {}: kvd {}, cluster {}{}, {}", answer.node, answer.endpoint,
                             answer.version, answer.cluster,
                             answer.cluster_id ? "" : " (not founded yet)",
                             FormatLatency(answer.took))) +
         "\n";
}

std::string PingJson(const client::PingAnswer& answer) {
  nlohmann::ordered_json object;
  object["node"] = Visible(answer.node);
  object["uuid"] = answer.node_uuid.ToString();
  object["endpoint"] = answer.endpoint;
  object["cluster"] = Visible(answer.cluster);
  object["cluster_id"] = answer.cluster_id ? answer.cluster_id->ToString() : "";
  object["version"] = Visible(answer.version);
  object["feature_level"] = answer.feature_level;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(answer.took).count();
  object["round_trip_ms"] = static_cast<double>(us) / 1000;
  return object.dump() + "\n";
}

ExitCode PingAt(Session& session, const client::Client& at) {
  const auto answer = at.Ping({.timeout = session.TimeLeft()});
  if (!answer.ok()) return session.Fail(answer.error());
  return session.Print(session.json() ? PingJson(*answer) : PingText(*answer));
}

ExitCode PingNode(Session& session, const std::string& name) {
  const auto status = session.Cluster()->GetStatus({.timeout = session.TimeLeft()});
  if (!status.ok()) return session.Fail(status.error());
  const auto node = std::ranges::find(status->nodes, name, &client::NodeStatus::name);
  if (node == status->nodes.end()) {
    return session.Fail({.exit_code = ExitCode::kNotFound,
                         .reason = "NOT_FOUND",
                         .message = fmt::format("node {} not found in cluster {}",
                                                config::InQuotes(name), status->cluster)});
  }
  client::Options options = session.settings().client;
  options.endpoints = {node->address};
  const auto at = client::Client::Open(options);
  return at.ok() ? PingAt(session, *at) : session.Fail(at.error());
}

// What groups consist of. Beside the ring, which any node knows, only the leader of the system
// group does: without it there is nothing to add.
std::vector<client::Group> GroupsOf(Session& session, std::optional<PartitionId> partition) {
  constexpr Duration kLook = std::chrono::milliseconds(500);
  const Duration limit = std::min(session.TimeLeft().value_or(kLook), kLook);
  auto groups = client::Admin(*session.Cluster()).ListGroups(partition, {.timeout = limit});
  return groups.ok() ? *std::move(groups) : std::vector<client::Group>{};
}

// Why the wait is not over yet; nullopt: it is.
std::optional<Failure> NotReady(const client::ClusterStatus& status, uint64_t nodes) {
  const Health health = JudgeHealth(status);
  std::string why = fmt::format("{}/{} nodes up", health.nodes_up, status.nodes.size());
  if (health.state != Health::State::kHealthy) {
    for (const Problem& problem : health.problems) why += "; " + problem.message;
  } else if (health.nodes_up < nodes) {
    why += fmt::format(", {} wanted", nodes);
  } else {
    return std::nullopt;
  }
  return Failure{.exit_code = ExitCode::kDegraded, .reason = "NOT_READY", .message = why};
}

ExitCode WaitUntilReady(Session& session, uint64_t nodes) {
  std::optional<Failure> last;
  while (true) {
    const auto status = session.Cluster()->GetStatus({.timeout = LookTime(session)});
    if (!status.ok()) {
      if (!IsPassing(status.error())) return session.Fail(status.error());
      // A look that was cut short by the end of the time says less than the one before it.
      if (!last || !session.IsOutOfTime()) last = FromError(status.error());
    } else if (auto not_ready = NotReady(*status, nodes)) {
      last = *std::move(not_ready);
    } else {
      return ExitCode::kDone;
    }
    if (session.IsOutOfTime()) {
      last->message =
          fmt::format("not ready after {}: {}",
                      config::FormatDuration(session.settings().client.timeout), last->message);
      return session.Fail(*last);
    }
    Rest(session, kPollInterval);
  }
}

}  // namespace

ExitCode ShowStatus(Session& session, const CommandLine& /*line*/) {
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;
  const auto status = cluster->GetStatus({.timeout = session.TimeLeft()});
  if (!status.ok()) return session.Fail(status.error());
  const JobCount jobs = CountJobs(session, *cluster);
  const ExitCode printed =
      session.Print(session.json() ? StatusJson(*status, jobs)
                                   : RenderStatus(*status, jobs, session.settings().out_colour));
  if (printed != ExitCode::kDone) return printed;
  const bool healthy = JudgeHealth(*status).state == Health::State::kHealthy;
  return healthy ? ExitCode::kDone : ExitCode::kDegraded;
}

ExitCode ShowRing(Session& session, const CommandLine& line) {
  std::optional<std::string> key;
  if (!line.arguments.empty()) {
    auto decoded = KeyOf(line.arguments[0], line);
    if (const auto* failure = std::get_if<Failure>(&decoded)) return session.Fail(*failure);
    key = std::get<std::string>(std::move(decoded));
    if (key->empty()) return session.Fail(UsageFailure("ring: the key is empty"));
  }
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;
  const auto ring = cluster->GetRing({.timeout = session.TimeLeft()});
  if (!ring.ok()) return session.Fail(ring.error());

  const bool colour = session.settings().out_colour;
  if (key) {
    const auto partitions = static_cast<uint32_t>(ring->partitions.size());
    const auto groups = GroupsOf(session, PartitionOf(*key, partitions));
    const auto group = groups.empty() ? std::nullopt : std::optional(groups.front());
    return session.Print(session.json() ? KeyPlaceJson(*ring, *key, group)
                                        : KeyPlace(*ring, *key, colour, group));
  }
  if (session.settings().output == Format::kTable) return session.Print(RingTable(*ring, colour));
  const auto moving = GroupsOf(session, std::nullopt);
  return session.Print(session.json() ? RingJson(*ring, moving)
                                      : RingPicture(*ring, colour, moving));
}

ExitCode ShowNodes(Session& session, const CommandLine& /*line*/) {
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;
  const auto status = cluster->GetStatus({.timeout = session.TimeLeft()});
  if (!status.ok()) return session.Fail(status.error());
  return session.Print(session.json() ? NodesJson(*status)
                                      : NodesTable(*status, session.settings().out_colour));
}

ExitCode Ping(Session& session, const CommandLine& line) {
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;
  return line.arguments.empty() ? PingAt(session, *cluster) : PingNode(session, line.arguments[0]);
}

ExitCode Wait(Session& session, const CommandLine& line) {
  const std::string* job = line.Value("job");
  if (line.Has("ready") == (job != nullptr)) {
    return session.Fail(
        UsageFailure("wait: for what? kvctl wait --ready [--nodes N], or kvctl wait --job ID"));
  }
  if (job != nullptr) return WaitForJob(session, *job);
  uint64_t nodes = 1;
  if (const std::string* text = line.Value("nodes")) {
    const auto number = config::ParseNumber(*text);
    if (!number.ok()) return session.Fail(UsageFailure("--nodes: " + Message(number.status())));
    nodes = *number;
  }
  if (session.Cluster() == nullptr) return ExitCode::kUsage;
  return WaitUntilReady(session, nodes);
}

}  // namespace kvd::kvctl
