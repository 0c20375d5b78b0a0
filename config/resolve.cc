#include <fmt/format.h>

#include "config/node_settings.h"

namespace kvd::config {
namespace {

constexpr std::string_view kNodeVariable = "${node}";

std::string Substituted(std::string text, std::string_view node) {
  for (size_t at = text.find(kNodeVariable); at != std::string::npos;
       at = text.find(kNodeVariable, at + node.size())) {
    text.replace(at, kNodeVariable.size(), node);
  }
  return text;
}

// The first that says something.
template <typename T>
T FirstOf(const std::optional<T>& override, const std::optional<T>& node,
          const std::optional<T>& defaults, T built_in) {
  if (override) return *override;
  if (node) return *node;
  if (defaults) return *defaults;
  return built_in;
}

HostPort Offset(std::string host, uint16_t port, uint16_t offset) {
  return {std::move(host), static_cast<uint16_t>(port + offset)};
}

}  // namespace

StatusOr<HttpListen> HttpListen::Parse(std::string_view text) {
  if (text.empty()) return HttpListen{};
  KVD_ASSIGN_OR_RETURN(HostPort at, HostPort::Parse(text));
  return HttpListen{std::move(at)};
}

NodeSettings Resolve(const ClusterFile& file, size_t node_index, const Overrides& overrides) {
  KVD_CHECK_OP(<, node_index, file.nodes.size());
  const NodeEntry& entry = file.nodes[node_index];
  const NodeOptions& own = entry.options;
  const NodeOptions& all = file.defaults;
  constexpr auto kNotOverridden = std::nullopt;

  NodeSettings out;
  out.name = entry.name;
  out.address = entry.address;
  out.peer_address =
      FirstOf<HostPort>(kNotOverridden, own.peer_address, all.peer_address,
                        Offset(entry.address.host, entry.address.port, kPeerPortOffset));
  out.listen = FirstOf(overrides.listen, own.listen, all.listen, out.address);
  out.peer_listen =
      FirstOf(overrides.peer_listen, own.peer_listen, all.peer_listen, out.peer_address);
  out.http_listen = FirstOf(overrides.http_listen, own.http_listen, all.http_listen,
                            HttpListen{Offset("127.0.0.1", entry.address.port, kHttpPortOffset)})
                        .at;
  out.data_dir = Substituted(
      FirstOf<std::string>(overrides.data_dir, own.data_dir, all.data_dir, "/var/lib/kvd/${node}"),
      entry.name);
  out.zone = FirstOf<std::string>(kNotOverridden, own.zone, all.zone, "");
  out.shards = FirstOf<uint32_t>(kNotOverridden, own.shards, all.shards, 0);
  out.ca_file = Substituted(file.tls.ca_file, entry.name);
  out.cert_file = Substituted(file.tls.cert_file, entry.name);
  out.key_file = Substituted(file.tls.key_file, entry.name);
  out.uri_prefix = file.tls.uri_prefix.value_or(fmt::format("kvd://{}/", file.cluster.name));
  out.log_level = overrides.log_level.value_or(file.log.level);
  out.log_format = overrides.log_format.value_or(file.log.format);
  return out;
}

std::vector<Listener> Listeners(const NodeSettings& settings) {
  std::vector<Listener> out = {{"listen", settings.listen}, {"peer_listen", settings.peer_listen}};
  if (settings.http_listen) out.push_back({"http_listen", *settings.http_listen});
  return out;
}

bool Clash(const HostPort& a, const HostPort& b) {
  if (a.port != b.port || a.port == 0) return false;
  return a.host == b.host || a.is_wildcard() || b.is_wildcard();
}

Status CheckOverridden(const ClusterFile& file, const NodeSettings& settings) {
  const std::vector<Listener> listeners = Listeners(settings);
  for (size_t i = 0; i < listeners.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!Clash(listeners[i].at, listeners[j].at)) continue;
      return MakeStatus(StatusCode::kInvalidArgument,
                        fmt::format("{} {} of {} clashes with its {} {}; give them different ports",
                                    listeners[i].key, listeners[i].at.ToString(), settings.name,
                                    listeners[j].key, listeners[j].at.ToString()));
    }
  }
  if (file.tls.mode != TlsMode::kDisabled || file.tls.allow_insecure) return OkStatus();
  for (const HostPort* at : {&settings.listen, &settings.peer_listen}) {
    if (at->is_loopback()) continue;
    return MakeStatus(
        StatusCode::kInvalidArgument,
        fmt::format("{} would listen on {} without TLS; set tls.mode in the cluster file, or write "
                    "tls.allow_insecure: true",
                    settings.name, at->ToString()));
  }
  return OkStatus();
}

}  // namespace kvd::config
