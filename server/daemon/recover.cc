#include "server/daemon/recover.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "server/daemon/failure.h"
#include "server/daemon/recover_report.h"
#include "server/daemon/survivor.h"
#include "server/topology/salvage.h"

namespace kvd::daemon {
namespace {

using Survivors = std::vector<std::unique_ptr<Survivor>>;

constexpr std::string_view kFooter =
    R"(Stop every kvd of the cluster first and bring the data directories of all nodes
that survived to one machine: the more are given, the less is lost. Without
--accept-data-loss it reads them, says what would be lost, and ends with 10.

Example: of n1, n2 and n3 only n1 is left.
  kvd recover --data-dir /var/lib/kvd/n1
  kvd recover --data-dir /var/lib/kvd/n1 --accept-data-loss
  kvd --config /etc/kvd/cluster.yaml --node n1

Exit codes: 0 done, 10 not confirmed, 64 usage or nothing was lost, 65 data
damaged, 74 I/O error, 75 a kvd runs on a directory, 77 another user's, 78 the
directories do not belong together.)";

Ended Refused(const Failure& failure) {
  return {
      .code = failure.code, .out = {}, .error = fmt::format("kvd recover: {}\n", failure.message)};
}

OrFailure<Survivors> OpenAll(const std::vector<std::string>& paths) {
  Survivors survivors;
  std::set<std::filesystem::path> seen;
  for (const std::string& path : paths) {
    std::error_code none;
    if (!seen.insert(std::filesystem::weakly_canonical(path, none)).second) {
      return Failure{kUsage, fmt::format("{} is given twice", path)};
    }
    auto opened = Survivor::Open(path);
    if (auto* failure = std::get_if<Failure>(&opened)) return std::move(*failure);
    survivors.push_back(std::get<std::unique_ptr<Survivor>>(std::move(opened)));
  }
  return survivors;
}

std::string ClusterOf(const Survivor& survivor) {
  return fmt::format("{} is of cluster {} ({})", survivor.path(), survivor.topology().cluster_name,
                     survivor.topology().cluster_id.ToString());
}

// What is there, put together.
struct Gathered {
  const topology::Topology* newest = nullptr;
  std::map<NodeId, Survivor*> nodes;

  // An earlier run had come to its last step: `newest` is what it was to put in force.
  bool is_decided = false;
};

// Directories that a run which died had yet to finish belong to those that it did finish.
bool BelongTogether(const Survivor& survivor, const topology::Topology& newest) {
  return survivor.topology().cluster_id == newest.cluster_id ||
         survivor.successor() == newest.cluster_id;
}

const topology::Topology& NewestOf(const Survivors& survivors) {
  const auto epoch = [](const auto& survivor) { return survivor->topology().epoch; };
  return (*std::ranges::max_element(survivors, {}, epoch))->topology();
}

OrFailure<Gathered> Gather(const Survivors& survivors) {
  Gathered gathered{.newest = &NewestOf(survivors), .nodes = {}};
  for (const auto& survivor : survivors) {
    if (!BelongTogether(*survivor, *gathered.newest)) {
      const auto newest = std::ranges::find_if(
          survivors, [&](const auto& each) { return &each->topology() == gathered.newest; });
      return Failure{kConfiguration, fmt::format("{}, {}: give the directories of one cluster only",
                                                 ClusterOf(*survivor), ClusterOf(**newest))};
    }
    const Uuid& uuid = survivor->identity().node_uuid;
    const topology::Member* self = gathered.newest->Find(uuid);
    if (self == nullptr) {
      return Failure{kConfiguration,
                     fmt::format("{} is of {}, which is no member of the cluster at epoch {} any "
                                 "more: leave it out",
                                 survivor->path(), survivor->identity().node_name,
                                 gathered.newest->epoch.value)};
    }
    const auto [at, is_new] = gathered.nodes.emplace(self->id, survivor.get());
    if (!is_new) {
      return Failure{kConfiguration,
                     fmt::format("{} and {} are both of {}: give the newer one only",
                                 at->second->path(), survivor->path(), self->card.name)};
    }
    gathered.is_decided |= survivor->topology().cluster_id != gathered.newest->cluster_id;
  }
  return gathered;
}

topology::Salvage Plan(const Gathered& gathered) {
  std::set<NodeId> nodes;
  std::vector<topology::FoundCopy> copies;
  for (const auto& [node, survivor] : gathered.nodes) {
    nodes.insert(node);
    std::ranges::move(survivor->Copies(node), std::back_inserter(copies));
  }
  return topology::PlanSalvage(*gathered.newest, nodes, copies);
}

Status Finish(const Gathered& gathered, const topology::Topology& topology) {
  for (const auto& [node, survivor] : gathered.nodes) {
    KVD_RETURN_IF_ERROR(Annotate(survivor->Finish(topology), survivor->path()));
  }
  return OkStatus();
}

Status CarryOut(const Gathered& gathered, const topology::Salvage& salvage) {
  for (const auto& [node, survivor] : gathered.nodes) {
    KVD_RETURN_IF_ERROR(Annotate(survivor->BindTo(salvage.topology.cluster_id), survivor->path()));
  }
  for (const auto& [node, survivor] : gathered.nodes) {
    KVD_RETURN_IF_ERROR(Annotate(survivor->Rewrite(salvage, node), survivor->path()));
  }
  return Finish(gathered, salvage.topology);
}

Ended Done(std::string report, const Gathered& gathered, const Status& carried) {
  if (!carried.ok()) {
    Failure failure = StorageFailure(carried);
    failure.message += "; nothing is lost by that: run the same command again";
    Ended ended = Refused(failure);
    ended.out = std::move(report);
    return ended;
  }
  std::string names;
  for (const auto& [node, survivor] : gathered.nodes) {
    names += (names.empty() ? "" : ", ") + survivor->identity().node_name;
  }
  report += fmt::format(
      "\nDone. Start {} with the usual cluster file (a cluster.id in it must be the new one). The "
      "copies are made anew by themselves; new nodes join as always.\n",
      names);
  return {.out = std::move(report), .error = {}};
}

bool IsUnfinished(const Gathered& gathered) {
  return std::ranges::any_of(gathered.nodes,
                             [](const auto& each) { return each.second->successor().has_value(); });
}

}  // namespace

std::variant<RecoverLine, Ended> ParseRecoverLine(int argc, const char* const* argv) {
  CLI::App app("kvd recover: a cluster again of what is left, after a majority is lost for good",
               "kvd recover");
  app.footer(std::string(kFooter));
  RecoverLine line;
  app.add_option("-d,--data-dir", line.data_dirs, "Of a node that survived; once for each")
      ->option_text("DIR")
      ->allow_extra_args(false)
      ->required();
  app.add_flag("--accept-data-loss", line.accepts_data_loss,
               "Do it: writes that only lost nodes held are lost");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream mistake;
    if (app.exit(error, out, mistake) == 0) return Ended{.out = out.str(), .error = {}};
    return Ended{.code = kUsage,
                 .out = {},
                 .error = fmt::format("kvd recover: {}. See kvd recover --help.\n", error.what())};
  }
  return line;
}

Ended Recover(const RecoverLine& line) {
  auto opened = OpenAll(line.data_dirs);
  if (const auto* failure = std::get_if<Failure>(&opened)) return Refused(*failure);
  auto together = Gather(std::get<Survivors>(opened));
  if (const auto* failure = std::get_if<Failure>(&together)) return Refused(*failure);
  const auto& gathered = std::get<Gathered>(together);
  if (gathered.is_decided) {
    const topology::Topology decided = *gathered.newest;
    return Done("An earlier kvd recover was all but finished.\n", gathered,
                Finish(gathered, decided));
  }
  const bool unfinished = IsUnfinished(gathered);
  const topology::Salvage salvage = Plan(gathered);
  if (salvage.LosesNothing() && !unfinished) {
    return Refused({kUsage,
                    "nothing is lost: of every group a majority of the voters is given; start "
                    "these nodes as they are, and replace the others with kvctl"});
  }
  std::map<NodeId, std::string> paths;
  for (const auto& [node, survivor] : gathered.nodes) paths.emplace(node, survivor->path());
  std::string report = DescribeSalvage(salvage, *gathered.newest, paths);
  if (unfinished)
    report +=
        "An earlier kvd recover was begun here and not finished: what it has done already counts "
        "as given.\n";
  if (line.accepts_data_loss) {
    const Status carried = CarryOut(gathered, salvage);
    return Done(std::move(report), gathered, carried);
  }
  return {.code = kNotConfirmed,
          .out = std::move(report),
          .error = "kvd recover: nothing was changed; to do this, add --accept-data-loss\n"};
}

}  // namespace kvd::daemon
