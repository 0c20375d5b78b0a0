#include "config/facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <map>
#include <utility>

namespace kvd::config {
namespace {

// Between double quotes, as YAML reads it back.
std::string Text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Text(const HostPort& at) {
  return Text(at.ToString());
}

std::string Text(const HttpListen& listen) {
  return Text(listen.at ? listen.at->ToString() : "");
}

std::string Text(bool value) {
  return value ? "true" : "false";
}

std::string Text(const MinFree& free) {
  return free.bytes != 0 ? FormatSize(free.bytes) : fmt::format("{}%", free.percent);
}

template <typename T, size_t N>
std::string Text(const std::array<Choice<T>, N>& choices, const T& value) {
  return std::string(NameOf(choices, value));
}

std::string Text(const std::vector<Permission>& allow) {
  std::vector<std::string_view> names;
  names.reserve(allow.size());
  for (const Permission each : allow) names.push_back(NameOf(kPermissions, each));
  return fmt::format("[{}]", fmt::join(names, ", "));
}

template <typename T>
void AddGiven(std::vector<Fact>& out, std::string key, const std::optional<T>& value) {
  if (value) out.push_back({std::move(key), Text(*value)});
}

void AddGiven(std::vector<Fact>& out, std::string key, const std::string& value) {
  if (!value.empty()) out.push_back({std::move(key), Text(value)});
}

void AddGiven(std::vector<Fact>& out, std::string key, const std::optional<uint32_t>& value) {
  if (value) out.push_back({std::move(key), fmt::format("{}", *value)});
}

void Append(std::vector<Fact>& out, const std::string& prefix, std::vector<Fact> facts) {
  for (Fact& each : facts) out.push_back({prefix + each.key, std::move(each.value)});
}

void AddCluster(std::vector<Fact>& out, const Cluster& cluster) {
  out.push_back({"cluster.name", Text(cluster.name)});
  if (cluster.id) out.push_back({"cluster.id", Text(cluster.id->ToString())});
  out.push_back({"cluster.partitions", fmt::format("{}", cluster.partitions)});
  AddGiven(out, "cluster.replication", cluster.replication);
}

void AddTopology(std::vector<Fact>& out, const Topology& topology) {
  out.push_back({"topology.voters", Text(kVoters, topology.voters)});
  out.push_back({"topology.heartbeat_interval", FormatDuration(topology.heartbeat_interval)});
  out.push_back({"topology.remove_after", FormatDuration(topology.remove_after)});
  out.push_back({"topology.handback_after", FormatDuration(topology.handback_after)});
}

void AddSecurity(std::vector<Fact>& out, const Tls& tls, const Auth& auth) {
  out.push_back({"tls.mode", Text(kTlsModes, tls.mode)});
  out.push_back({"tls.allow_insecure", Text(tls.allow_insecure)});
  AddGiven(out, "tls.ca_file", tls.ca_file);
  AddGiven(out, "tls.cert_file", tls.cert_file);
  AddGiven(out, "tls.key_file", tls.key_file);
  AddGiven(out, "tls.uri_prefix", tls.uri_prefix);
  for (size_t i = 0; i < auth.rules.size(); ++i) {
    Append(out, fmt::format("auth.rules[{}].", i), FactsOf(auth.rules[i]));
  }
}

void AddTuning(std::vector<Fact>& out, const ClusterFile& file) {
  out.push_back({"limits.max_key_bytes", FormatSize(file.limits.max_key_bytes)});
  out.push_back({"limits.max_value_bytes", FormatSize(file.limits.max_value_bytes)});
  out.push_back({"limits.max_inflight_bytes", FormatSize(file.limits.max_inflight_bytes)});
  out.push_back({"limits.max_connections", fmt::format("{}", file.limits.max_connections)});
  out.push_back({"timeouts.request", FormatDuration(file.timeouts.request)});
  out.push_back({"timeouts.request_max", FormatDuration(file.timeouts.request_max)});
  out.push_back({"timeouts.peer_connect", FormatDuration(file.timeouts.peer_connect)});
  out.push_back({"timeouts.drain_delay", FormatDuration(file.timeouts.drain_delay)});
  out.push_back({"timeouts.drain_grace", FormatDuration(file.timeouts.drain_grace)});
  out.push_back(
      {"rebalance.max_bytes_per_second", FormatSize(file.rebalance.max_bytes_per_second)});
  out.push_back({"rebalance.max_concurrent", fmt::format("{}", file.rebalance.max_concurrent)});
}

void AddMachinery(std::vector<Fact>& out, const ClusterFile& file) {
  out.push_back({"storage.block_cache", FormatSize(file.storage.block_cache)});
  out.push_back({"storage.write_buffer", FormatSize(file.storage.write_buffer)});
  out.push_back({"storage.compression", Text(kCompressions, file.storage.compression)});
  out.push_back({"storage.min_free", Text(file.storage.min_free)});
  out.push_back({"log.level", Text(kLogLevels, file.log.level)});
  out.push_back({"log.format", Text(kLogFormats, file.log.format)});
  out.push_back({"log.file", Text(file.log.file)});
  out.push_back({"log.keys", Text(kLogKeys, file.log.keys)});
  out.push_back({"debug.reflection", Text(kReflections, file.debug.reflection)});
  out.push_back({"debug.channelz", Text(file.debug.channelz)});
}

}  // namespace

std::vector<Fact> FactsOf(const NodeOptions& options) {
  std::vector<Fact> out;
  AddGiven(out, "peer_address", options.peer_address);
  AddGiven(out, "listen", options.listen);
  AddGiven(out, "peer_listen", options.peer_listen);
  AddGiven(out, "http_listen", options.http_listen);
  AddGiven(out, "data_dir", options.data_dir);
  AddGiven(out, "zone", options.zone);
  AddGiven(out, "shards", options.shards);
  return out;
}

std::vector<Fact> FactsOf(const NodeEntry& node) {
  std::vector<Fact> out = {{"name", Text(node.name)}, {"address", Text(node.address)}};
  Append(out, "", FactsOf(node.options));
  return out;
}

std::vector<Fact> FactsOf(const AuthRule& rule) {
  std::vector<Fact> out = {{"identity", Text(rule.identity)}, {"allow", Text(rule.allow)}};
  AddGiven(out, "prefix", rule.prefix);
  return out;
}

std::vector<Fact> Facts(const ClusterFile& file) {
  std::vector<Fact> out = {{"version", fmt::format("{}", file.version)}};
  AddCluster(out, file.cluster);
  AddTopology(out, file.topology);
  for (const NodeEntry& node : file.nodes) {
    Append(out, fmt::format("nodes.{}.", node.name), FactsOf(node));
  }
  Append(out, "defaults.", FactsOf(file.defaults));
  AddSecurity(out, file.tls, file.auth);
  AddTuning(out, file);
  AddMachinery(out, file);
  return out;
}

std::vector<Change> Compare(const ClusterFile& before, const ClusterFile& after) {
  constexpr std::string_view kNotGiven = "not given";
  std::map<std::string, Change> changes;
  for (Fact& each : Facts(before)) {
    changes[each.key] = {each.key, std::move(each.value), std::string(kNotGiven)};
  }
  for (Fact& each : Facts(after)) {
    const auto it =
        changes.try_emplace(each.key, Change{each.key, std::string(kNotGiven), ""}).first;
    it->second.after = std::move(each.value);
  }
  std::vector<Change> out;
  for (auto& [key, change] : changes) {
    if (change.before != change.after) out.push_back(std::move(change));
  }
  return out;
}

}  // namespace kvd::config
