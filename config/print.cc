#include "config/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "config/facts.h"

namespace kvd::config {
namespace {

// The file as this node understands it: its own entry merged, what was implied written out.
ClusterFile Merged(ClusterFile file, const NodeSettings& settings) {
  const auto entry = std::find_if(file.nodes.begin(), file.nodes.end(),
                                  [&](const auto& each) { return each.name == settings.name; });
  KVD_CHECK(entry != file.nodes.end(), "settings of a node that is not in the file");
  NodeOptions& options = entry->options;
  options.peer_address = settings.peer_address;
  options.listen = settings.listen;
  options.peer_listen = settings.peer_listen;
  options.http_listen = HttpListen{settings.http_listen};
  options.data_dir = settings.data_dir;
  if (!settings.zone.empty()) options.zone = settings.zone;
  options.shards = settings.shards;
  file.tls.uri_prefix = settings.uri_prefix;
  file.log.level = settings.log_level;
  file.log.format = settings.log_format;
  return file;
}

// "  - name: ...", the rest of the item below it.
void AppendItem(std::string& out, std::string_view indent, const std::vector<Fact>& facts) {
  std::string_view bullet = "- ";
  for (const Fact& each : facts) {
    fmt::format_to(std::back_inserter(out), "{}{}{}: {}\n", indent, bullet, each.key, each.value);
    bullet = "  ";
  }
}

// Every `section.key` of `facts`, under its section.
void AppendSection(std::string& out, const std::vector<Fact>& facts, std::string_view section) {
  const std::string prefix = fmt::format("{}.", section);
  fmt::format_to(std::back_inserter(out), "{}:\n", section);
  for (const Fact& each : facts) {
    if (!each.key.starts_with(prefix) || each.key.find('[') != std::string::npos) continue;
    fmt::format_to(std::back_inserter(out), "  {}: {}\n", each.key.substr(prefix.size()),
                   each.value);
  }
}

void AppendRules(std::string& out, const Auth& auth) {
  if (auth.rules.empty()) return;
  out += "auth:\n  rules:\n";
  for (const AuthRule& rule : auth.rules) AppendItem(out, "    ", FactsOf(rule));
}

std::string Print(const ClusterFile& file, std::string out) {
  const std::vector<Fact> facts = Facts(file);
  fmt::format_to(std::back_inserter(out), "version: {}\n", file.version);
  AppendSection(out, facts, "cluster");
  if (!file.cluster.replication) {
    fmt::format_to(std::back_inserter(out),
                   "  # replication: {}, as soon as there are so many nodes\n",
                   file.cluster.copies());
  }
  AppendSection(out, facts, "topology");
  out += "nodes:\n";
  for (const NodeEntry& node : file.nodes) AppendItem(out, "  ", FactsOf(node));
  AppendSection(out, facts, "defaults");
  AppendSection(out, facts, "tls");
  AppendRules(out, file.auth);
  for (const char* section : {"limits", "timeouts", "rebalance", "storage", "log", "debug"}) {
    AppendSection(out, facts, section);
  }
  return out;
}

}  // namespace

std::string PrintEffective(const ClusterFile& file, const NodeSettings& settings) {
  return Print(
      Merged(file, settings),
      fmt::format("# What node {0} runs with; ${{node}} stands for {0}.\n", settings.name));
}

std::string PrintClusterWide(const ClusterFile& file) {
  return Print(file, "# What all nodes run with; add --node NAME for what one of them does.\n");
}

}  // namespace kvd::config
