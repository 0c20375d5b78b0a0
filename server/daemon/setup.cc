#include "server/daemon/setup.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "config/facts.h"
#include "config/load.h"
#include "config/parse.h"
#include "config/print.h"
#include "config/which_node.h"
#include "server/daemon/rights.h"

namespace kvd::daemon {
namespace {

// Keys of the contract that nothing looks at yet.
constexpr std::array<std::string_view, 4> kIgnored = {"topology.voters", "limits.max_connections",
                                                      "log.keys", "debug.channelz"};

// Whether something is meant for one node.
bool IsForOneNode(const CommandLine& line) {
  const config::Overrides& overrides = line.overrides;
  return line.node_flag || line.node_environment || overrides.data_dir || overrides.listen ||
         overrides.peer_listen || overrides.http_listen;
}

Failure Misconfigured(std::string message) {
  return {kConfiguration, std::move(message)};
}

std::string ShortHostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  const std::string full(name.data());
  return full.substr(0, full.find('.'));
}

std::string FullHostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* list = nullptr;
  if (getaddrinfo(name.data(), nullptr, &hints, &list) != 0) return name.data();
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  return list->ai_canonname != nullptr ? list->ai_canonname : name.data();
}

std::vector<std::string> LocalAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};  // A hardened unit cannot list them, and passes --node.
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, freeifaddrs);
  std::vector<std::string> addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    std::array<char, NI_MAXHOST> host{};
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (getnameinfo(at->ifa_addr, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) ==
        0) {
      addresses.emplace_back(host.data());
    }
  }
  return addresses;
}

// Only asked when the file does not answer by itself: a resolver may be slow.
config::Whereabouts Here(const CommandLine& line, const config::ClusterFile& file) {
  config::Whereabouts here{.node_flag = line.node_flag, .node_environment = line.node_environment};
  if (line.node_flag || line.node_environment || file.nodes.size() == 1) return here;
  here.short_host_name = ShortHostName();
  here.full_host_name = FullHostName();
  here.local_addresses = LocalAddresses();
  return here;
}

std::string WarnOf(const std::vector<std::string>& sentences, std::string_view path) {
  std::string out;
  for (const std::string& each : sentences) out += fmt::format("{}: warning: {}\n", path, each);
  return out;
}

struct Loaded {
  std::string path;
  std::string text;
  config::ParseResult parsed;

  [[nodiscard]] std::string Rendered() const {
    std::string out = config::Render(parsed.diagnostics, text, path);
    if (parsed.file) out += WarnOf(WhatIsIgnored(*parsed.file), path);
    return out;
  }
};

Ended Ends(const Failure& failure) {
  const bool several_lines = failure.message.ends_with('\n');
  return {.code = failure.code,
          .out = {},
          .error = several_lines ? failure.message : "kvd: " + failure.message + "\n"};
}

OrFailure<Loaded> LoadFile(const CommandLine& line) {
  Loaded loaded;
  if (line.config_path) {
    loaded.path = *line.config_path;
  } else {
    auto found = config::FindDefault();
    if (!found.ok()) return Misconfigured(Message(found.status()));
    loaded.path = *std::move(found);
  }
  auto text = config::Load(loaded.path);
  if (!text.ok()) return Misconfigured(Message(text.status()));
  loaded.text = *std::move(text);
  loaded.parsed = config::Parse(loaded.text, {.joins = !line.join.empty()});
  return loaded;
}

}  // namespace

OrFailure<Setup> MakeSetup(const CommandLine& line) {
  auto loaded = LoadFile(line);
  if (auto* failure = std::get_if<Failure>(&loaded)) return *failure;
  auto& [path, text, parsed] = std::get<Loaded>(loaded);
  const std::string rendered = std::get<Loaded>(loaded).Rendered();
  if (!parsed.file) return Misconfigured(rendered);
  auto index = config::WhichNode(*parsed.file, path, Here(line, *parsed.file));
  if (!index.ok()) return Misconfigured(Message(index.status()));
  Setup setup{.file = *std::move(parsed.file),
              .node = {},
              .path = path,
              .join = line.join,
              .warnings = rendered};
  setup.node = config::Resolve(setup.file, *index, line.overrides);
  if (const Status fits = config::CheckOverridden(setup.file, setup.node); !fits.ok()) {
    return Misconfigured(Message(fits));
  }
  return setup;
}

std::vector<std::string> WhatIsIgnored(const config::ClusterFile& file) {
  std::map<std::string, std::string> defaults;
  for (const config::Fact& each : config::Facts({})) defaults[each.key] = each.value;
  std::vector<std::string> out;
  for (const config::Fact& each : config::Facts(file)) {
    const bool known = std::ranges::find(kIgnored, each.key) != kIgnored.end();
    if (!known || each.value == defaults[each.key]) continue;
    out.push_back(
        fmt::format("{} is {}, which has no effect in this version of kvd", each.key, each.value));
  }
  return out;
}

// Refused rather than ignored.
std::optional<std::string> WhatIsUnsupported(const Setup& setup) {
  if (setup.file.tls.mode != config::TlsMode::kDisabled) {
    return "tls.mode: this version of kvd speaks plaintext only; run it on loopback or a trusted "
           "network with tls: { mode: disabled }";
  }
  if (!setup.file.auth.rules.empty()) {
    return "auth.rules: this version of kvd does not check rights; remove the rules";
  }
  return std::nullopt;
}

Ended CheckConfig(const CommandLine& line) {
  auto loaded = LoadFile(line);
  if (const auto* failure = std::get_if<Failure>(&loaded)) {
    return Ends(*failure);
  }
  const auto& file = std::get<Loaded>(loaded);
  Ended ended{.code = file.parsed.file ? kOk : kConfiguration, .out = {}, .error = file.Rendered()};
  if (!file.parsed.file) return ended;
  if (line.node_flag || line.node_environment) {
    auto setup = MakeSetup(line);
    if (const auto* failure = std::get_if<Failure>(&setup)) return Ends(*failure);
    const auto& made = std::get<Setup>(setup);
    for (const auto& wrong : {WhatIsUnsupported(made), WhatIsOutOfReach(made)}) {
      if (wrong) return Ends({kConfiguration, *wrong});
    }
  }
  ended.out = fmt::format("{}: ok, cluster {}, {} nodes, {} partitions\n", file.path,
                          file.parsed.file->cluster.name, file.parsed.file->nodes.size(),
                          file.parsed.file->cluster.partitions);
  return ended;
}

namespace {

Ended PrintClusterWide(const CommandLine& line) {
  auto loaded = LoadFile(line);
  if (const auto* failure = std::get_if<Failure>(&loaded)) return Ends(*failure);
  auto& file = std::get<Loaded>(loaded);
  const std::string rendered = file.Rendered();
  if (!file.parsed.file) return Ends(Misconfigured(rendered));
  config::Log& log = file.parsed.file->log;
  log.level = line.overrides.log_level.value_or(log.level);
  log.format = line.overrides.log_format.value_or(log.format);
  return {.out = config::PrintClusterWide(*file.parsed.file), .error = rendered};
}

}  // namespace

Ended PrintConfig(const CommandLine& line) {
  if (line.action == CommandLine::Action::kPrintSample) {
    return {.out = std::string(config::Sample()), .error = {}};
  }
  auto setup = MakeSetup(line);
  if (const auto* failure = std::get_if<Failure>(&setup)) {
    return IsForOneNode(line) ? Ends(*failure) : PrintClusterWide(line);
  }
  const auto& made = std::get<Setup>(setup);
  return {.out = config::PrintEffective(made.file, made.node), .error = made.warnings};
}

}  // namespace kvd::daemon
