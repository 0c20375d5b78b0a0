#include "config/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <map>
#include <set>

#include "config/node_settings.h"

namespace kvd::config {
namespace {

std::string PathOf(size_t node, std::string_view key) {
  return fmt::format("nodes[{}].{}", node, key);
}

// "n1", "n1 and n2", "n1, n2 and n3", "n1, n2 and 7 more".
std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kMaxNamed = 4;
  if (names.size() == 1) return names.front();
  if (names.size() <= kMaxNamed) {
    return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
  }
  return fmt::format("{}, {} and {} more", names[0], names[1], names.size() - 2);
}

std::string Nodes(size_t count) {
  return count == 1 ? "1 node is" : fmt::format("{} nodes are", count);
}

void CheckCounts(const ClusterFile& file, bool cluster_exists, Reading& reading) {
  const size_t nodes = file.nodes.size();
  if (nodes == 0) {
    if (reading.Given("nodes")) reading.Error(reading.PlaceOf("nodes"), "nodes lists no node");
    return;
  }
  if (nodes > kMaxNodes) {
    reading.Error(reading.PlaceOf("nodes"),
                  fmt::format("nodes lists {}, at most {} are supported", nodes, kMaxNodes));
  }
  if (cluster_exists) return;
  if (file.cluster.replication && *file.cluster.replication > nodes) {
    reading.Error(reading.PlaceOf("cluster.replication"),
                  fmt::format("cluster.replication is {} but only {} listed",
                              *file.cluster.replication, Nodes(nodes)));
  }
  if (file.topology.voters && *file.topology.voters > nodes) {
    reading.Warn(reading.PlaceOf("topology.voters"),
                 fmt::format("topology.voters is {} but only {} listed; all will vote until more "
                             "join",
                             *file.topology.voters, Nodes(nodes)));
  }
}

void CheckPartitions(const ClusterFile& file, Reading& reading) {
  const uint32_t partitions = file.cluster.partitions;
  const Place place = reading.PlaceOf("cluster.partitions");
  if (!std::has_single_bit(partitions)) {
    reading.Error(place,
                  fmt::format("cluster.partitions is {}, must be a power of two, like {} or "
                              "{}",
                              partitions, std::bit_floor(partitions), std::bit_ceil(partitions)));
    return;
  }
  // A hundred per node, rounded down to a power of two: the default of 256 is right for 3 nodes.
  const auto wanted = std::min<size_t>(kMaxPartitions, std::bit_floor(100 * file.nodes.size()));
  if (partitions >= wanted) return;
  reading.Warn(place,
               fmt::format("cluster.partitions is {}, too few to spread evenly over {} nodes; "
                           "it cannot be changed later: write {} or more",
                           partitions, file.nodes.size(), wanted));
}

void CheckNames(const ClusterFile& file, Reading& reading) {
  std::map<std::string_view, size_t> first;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const std::string& name = file.nodes[i].name;
    if (name.empty()) continue;
    const auto [it, fresh] = first.try_emplace(name, i);
    if (fresh) continue;
    const Place other = reading.PlaceOf(PathOf(it->second, "name"));
    reading.Error(
        reading.PlaceOf(PathOf(i, "name")),
        fmt::format("two nodes are called '{}' (first at {}:{})", name, other.line, other.column));
  }
}

void CheckZones(const ClusterFile& file, Reading& reading) {
  if (file.nodes.size() < 2) return;
  std::set<std::string> zones;
  std::vector<std::string> names;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const auto& own = file.nodes[i].options.zone;
    zones.insert(own ? *own : file.defaults.zone.value_or(""));
    names.push_back(file.nodes[i].name);
  }
  if (zones.size() > 1 || zones.begin()->empty()) return;
  reading.Warn(reading.PlaceOf("nodes"),
               fmt::format("{} share zone '{}': its loss stops every partition", Listed(names),
                           *zones.begin()));
}

// Ports.

// True if the built-in ports derived from the node's address are ports. REQUIRES: an address.
bool CheckDerivedPorts(const ClusterFile& file, size_t node, Reading& reading) {
  const NodeEntry& entry = file.nodes[node];
  const bool peer_given = entry.options.peer_address || file.defaults.peer_address;
  const bool http_given = entry.options.http_listen || file.defaults.http_listen;
  const auto fits = [&](uint16_t offset, bool given, std::string_view key) {
    if (given || entry.address.port + offset <= 65535) return true;
    reading.Error(reading.PlaceOf(PathOf(node, "address")),
                  fmt::format("{} of {} would be port {} + {}, which is no port; write {}", key,
                              entry.name, entry.address.port, offset, key));
    return false;
  };
  const bool peer_fits = fits(kPeerPortOffset, peer_given, "peer_address");
  return fits(kHttpPortOffset, http_given, "http_listen") && peer_fits;
}

// One endpoint of one node; `key` may be its default's, if it was not given.
struct Endpoint {
  size_t node = 0;
  std::string key;
  HostPort at;
};

// Finds two nodes, or two keys of a node, that want one port.
class PortBook {
 public:
  PortBook(const ClusterFile& file, Reading& reading) : file_(file), reading_(reading) {}

  void Add(size_t node, const NodeSettings& settings) {
    for (const Endpoint& each : {Endpoint{node, "address", settings.address},
                                 Endpoint{node, "peer_address", settings.peer_address}}) {
      const auto [it, fresh] = dialled_.try_emplace(each.at, each);
      if (!fresh) return Report(each, it->second);
    }
    // Where two nodes share a machine they share its ports: loopback is one machine.
    const std::string machine = settings.address.is_loopback() ? "" : settings.address.host;
    for (Listener& listener : Listeners(settings)) {
      const Endpoint each{node, std::move(listener.key), std::move(listener.at)};
      std::vector<Endpoint>& others = bound_[{machine, each.at.port}];
      for (const Endpoint& other : others) {
        if (Clash(each.at, other.at)) return Report(each, other);
      }
      others.push_back(each);
    }
  }

 private:
  [[nodiscard]] std::string Named(const Endpoint& each) const {
    return fmt::format("{} of {}", each.key, file_.nodes[each.node].name);
  }

  void Report(const Endpoint& each, const Endpoint& other) {
    const std::string own = PathOf(each.node, each.key);
    const std::string shared = "defaults." + each.key;
    const bool from_defaults = !reading_.Given(own) && reading_.Given(shared);
    reading_.Error(reading_.PlaceOf(from_defaults ? shared : own),
                   fmt::format("{} is {}, which clashes with {} ({}); give them different ports",
                               Named(each), each.at.ToString(), Named(other), other.at.ToString()));
  }

  const ClusterFile& file_;
  Reading& reading_;
  std::map<HostPort, Endpoint> dialled_;
  std::map<std::pair<std::string, uint16_t>, std::vector<Endpoint>> bound_;
};

void CheckPorts(const ClusterFile& file, Reading& reading) {
  if (file.nodes.size() > kMaxNodes) return;
  PortBook book(file, reading);
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    if (file.nodes[i].address.port == 0) continue;
    if (CheckDerivedPorts(file, i, reading)) book.Add(i, Resolve(file, i));
  }
}

// Data directories of nodes on one machine.
void CheckDataDirs(const ClusterFile& file, Reading& reading) {
  std::map<std::pair<std::string, std::string>, size_t> first;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    if (file.nodes[i].address.port == 0) continue;
    const NodeSettings settings = Resolve(file, i);
    const std::string machine = settings.address.is_loopback() ? "" : settings.address.host;
    const auto [it, fresh] = first.try_emplace({machine, settings.data_dir}, i);
    if (fresh || settings.name == file.nodes[it->second].name) continue;
    const std::string own = PathOf(i, "data_dir");
    reading.Error(reading.PlaceOf(reading.Given(own) ? own : "defaults.data_dir"),
                  fmt::format("{} and {} are on one host and share data_dir '{}'; write ${{node}} "
                              "in it",
                              file.nodes[it->second].name, settings.name, settings.data_dir));
  }
}

// Security.

void CheckPlaintext(const ClusterFile& file, Reading& reading) {
  if (file.tls.mode != TlsMode::kDisabled || file.tls.allow_insecure) return;
  if (!reading.Sound("tls.mode") || !reading.Sound("tls.allow_insecure")) return;
  std::vector<std::string> exposed;
  Place place;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    if (file.nodes[i].address.port == 0) continue;
    const NodeSettings settings = Resolve(file, i);
    if (settings.address.is_loopback() && settings.peer_address.is_loopback() &&
        settings.listen.is_loopback() && settings.peer_listen.is_loopback()) {
      continue;
    }
    if (exposed.empty()) place = reading.PlaceOf(PathOf(i, "address"));
    exposed.push_back(settings.name);
  }
  if (exposed.empty()) return;
  reading.Error(place,
                fmt::format("{} would speak plaintext on addresses that are not loopback; set "
                            "tls.mode: mutual, or write tls.allow_insecure: true",
                            Listed(exposed)));
}

void CheckTls(const ClusterFile& file, Reading& reading) {
  const Tls& tls = file.tls;
  const auto is_given = [&](std::string_view key) {
    return reading.Given(fmt::format("tls.{}", key));
  };
  if (!is_given("mode")) {
    for (const char* key : {"ca_file", "cert_file", "key_file"}) {
      if (!is_given(key)) continue;
      reading.Error(reading.PlaceOf("tls"),
                    fmt::format("tls.{} is given but tls.mode is not; write mode: mutual", key));
      return;
    }
  }
  if (tls.mode == TlsMode::kDisabled) return;
  for (const char* key : {"ca_file", "cert_file", "key_file"}) {
    if (is_given(key)) continue;
    reading.Error(reading.PlaceOf("tls.mode"), fmt::format("tls.mode is {}, which needs tls.{}",
                                                           NameOf(kTlsModes, tls.mode), key));
  }
}

void CheckAuth(const ClusterFile& file, Reading& reading) {
  if (file.auth.rules.empty() || file.tls.mode == TlsMode::kMutual) return;
  if (!reading.Sound("tls.mode")) return;
  reading.Error(reading.PlaceOf("auth.rules"),
                "auth.rules need tls.mode: mutual; without it nobody has an identity");
}

void CheckTimeouts(const ClusterFile& file, Reading& reading) {
  const Timeouts& timeouts = file.timeouts;
  if (timeouts.request <= timeouts.request_max) return;
  reading.Error(
      reading.PlaceOf(reading.Given("timeouts.request") ? "timeouts.request"
                                                        : "timeouts.request_max"),
      fmt::format("timeouts.request is {}, more than timeouts.request_max, {}",
                  FormatDuration(timeouts.request), FormatDuration(timeouts.request_max)));
}

}  // namespace

void CheckRules(const ClusterFile& file, bool cluster_exists, Reading& reading) {
  CheckCounts(file, cluster_exists, reading);
  CheckPartitions(file, reading);
  CheckNames(file, reading);
  CheckZones(file, reading);
  CheckPorts(file, reading);
  CheckDataDirs(file, reading);
  CheckPlaintext(file, reading);
  CheckTls(file, reading);
  CheckAuth(file, reading);
  CheckTimeouts(file, reading);
}

}  // namespace kvd::config
