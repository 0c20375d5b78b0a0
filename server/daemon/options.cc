#include "server/daemon/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>
#include <vector>

#include "config/choices.h"
#include "config/host_port.h"

namespace kvd::daemon {
namespace {

constexpr std::string_view kFooter = R"(Examples:
  kvd --dev                                  one node, no file, in a temporary directory
  kvd --config cluster.yaml --node n1        node n1 of a cluster
  kvd --config cluster.yaml --check-config   is the file right?
  kvd --config n4.yaml --join 10.0.0.1:7401  node n4 joins the cluster of the node at that
                                             peer_address
  kvd recover --help                         when a majority is lost for good

Environment, where the flag is not given: KVD_CONFIG, KVD_NODE, KVD_DATA_DIR, KVD_LISTEN,
KVD_PEER_LISTEN, KVD_HTTP_LISTEN, KVD_LOG_LEVEL, KVD_LOG_FORMAT.
Signals: TERM and INT stop cleanly (a second one stops at once), HUP reads the file again.
Exit codes: 0 clean stop, 64 usage, 65 data damaged, 69 port in use, 73 cannot create the data
directory, 74 I/O error, 75 data directory locked, 77 rights, 78 configuration.
Documentation: README.md)";

// A value as typed, and where, so that a mistake is reported where it was made.
struct Typed {
  std::string text;
  std::string source;  // "--listen" or "KVD_LISTEN"; empty: not given.
  bool is_flag = false;

  [[nodiscard]] bool given() const { return !source.empty(); }
};

// Each is parsed by the type it stands for.
struct Texts {
  Typed config, node, data_dir, listen, peer_listen, http_listen, log_level, log_format;
  std::string print_config, join;
  bool check_config = false;
  bool dev = false;
  int nodes = 1;
};

// What has both a flag and a variable.
struct Setting {
  const char* flags;
  const char* flag;
  const char* variable;
  Typed Texts::*text;
  const char* placeholder;
  const char* help;
};
constexpr std::array<Setting, 8> kSettings = {{
    {"-c,--config", "--config", "KVD_CONFIG", &Texts::config, "FILE",
     "The cluster file (default: cluster.yaml, then /etc/kvd/cluster.yaml)"},
    {"-n,--node", "--node", "KVD_NODE", &Texts::node, "NAME", "Which node of the file this is"},
    {"-d,--data-dir", "--data-dir", "KVD_DATA_DIR", &Texts::data_dir, "DIR",
     "Where this node keeps its data"},
    {"--listen", "--listen", "KVD_LISTEN", &Texts::listen, "ADDR", "Bind here for clients"},
    {"--peer-listen", "--peer-listen", "KVD_PEER_LISTEN", &Texts::peer_listen, "ADDR",
     "Bind here for peers"},
    {"--http-listen", "--http-listen", "KVD_HTTP_LISTEN", &Texts::http_listen, "ADDR",
     "Bind here for metrics and health; \"\" turns it off"},
    {"--log-level", "--log-level", "KVD_LOG_LEVEL", &Texts::log_level, "LEVEL",
     "trace, debug, info, warn or error"},
    {"--log-format", "--log-format", "KVD_LOG_FORMAT", &Texts::log_format, "FORMAT",
     "text, json, journal or auto"},
}};

void Describe(CLI::App& app, Texts& texts) {
  for (const Setting& each : kSettings) {
    app.add_option(each.flags, (texts.*each.text).text, each.help)->option_text(each.placeholder);
  }
  app.add_option(
         "--join", texts.join,
         "Blank node: ask the cluster of the nodes at these peer addresses to take this one "
         "in; never found one")
      ->option_text("HOST:PORT[,..]");
  app.add_flag("--check-config", texts.check_config,
               "Check the cluster file, with --node also what that node needs, and stop");
  app.add_option("--print-config", texts.print_config,
                 "Print the configuration in force, or a sample, and stop")
      ->option_text("[=effective|sample]")
      ->expected(0, 1)
      ->default_str("effective")
      ->check(CLI::IsMember({"effective", "sample"}));
  auto* dev = app.add_flag("--dev", texts.dev, "Try kvd: no file, loopback, temporary data");
  app.add_option("--nodes", texts.nodes, "With --dev: how many nodes")
      ->needs(dev)
      ->check(CLI::Range(1, 7))
      ->option_text("N");
}

// A flag wins over the variable; a variable that is empty counts as not given.
void FindSources(const CLI::App& app, Texts& texts) {
  for (const Setting& each : kSettings) {
    Typed& typed = texts.*each.text;
    if (app.count(each.flag) > 0) {
      typed.source = each.flag;
      typed.is_flag = true;
      continue;
    }
    const char* value = std::getenv(each.variable);
    if (value == nullptr || *value == '\0') continue;
    typed.text = value;
    typed.source = each.variable;
  }
}

template <typename T, typename Parse>
std::optional<std::string> ParseInto(std::optional<T>& out, const Typed& typed,
                                     const Parse& parse) {
  if (!typed.given()) return std::nullopt;
  auto parsed = parse(typed.text);
  if (!parsed.ok()) return fmt::format("{}: {}", typed.source, Message(parsed.status()));
  out = *parsed;
  return std::nullopt;
}

template <typename T, size_t N>
std::optional<std::string> ChooseInto(std::optional<T>& out, const Typed& typed,
                                      const std::array<config::Choice<T>, N>& choices) {
  if (!typed.given()) return std::nullopt;
  out = config::ByName(choices, typed.text);
  if (out) return std::nullopt;
  std::vector<std::string_view> names;
  for (const auto& choice : choices) names.push_back(choice.name);
  return fmt::format("{}: '{}' is none of {}", typed.source, typed.text, fmt::join(names, ", "));
}

// The first mistake in the texts, if any.
std::optional<std::string> ReadOverrides(const Texts& texts, config::Overrides& out) {
  for (const Typed* path : {&texts.config, &texts.data_dir}) {
    if (path->given() && path->text.empty()) return fmt::format("{}: names no path", path->source);
  }
  if (texts.data_dir.given()) out.data_dir = texts.data_dir.text;
  const auto host_port = [](const std::string& text) { return config::HostPort::Parse(text); };
  const auto http = [](const std::string& text) { return config::HttpListen::Parse(text); };
  if (auto wrong = ParseInto(out.listen, texts.listen, host_port)) return wrong;
  if (auto wrong = ParseInto(out.peer_listen, texts.peer_listen, host_port)) return wrong;
  if (auto wrong = ParseInto(out.http_listen, texts.http_listen, http)) return wrong;
  if (auto wrong = ChooseInto(out.log_level, texts.log_level, config::kLogLevels)) return wrong;
  return ChooseInto(out.log_format, texts.log_format, config::kLogFormats);
}

// The addresses of --join. The first mistake in them, if any.
std::optional<std::string> ReadJoin(const std::string& text, std::vector<config::HostPort>& out) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    auto address = config::HostPort::Parse(text.substr(begin, end - begin));
    if (!address.ok()) return fmt::format("--join: {}", Message(address.status()));
    if (address->port == 0) {
      return fmt::format("--join: {} has no port to dial", address->ToString());
    }
    if (address->is_wildcard()) {
      return fmt::format("--join: {} is where to listen, nobody can be dialled there",
                         address->ToString());
    }
    out.push_back(*std::move(address));
    begin = end + 1;
  }
  return std::nullopt;
}

// What --dev decides by itself and a flag would decide otherwise, if anything. Variables are not
// looked at: --dev is a flag, and wins.
std::optional<std::string> ContradictsDev(const Texts& texts, const CommandLine& line) {
  for (const Typed* typed :
       {&texts.config, &texts.node, &texts.data_dir, &texts.peer_listen, &texts.http_listen}) {
    if (!typed->is_flag) continue;
    return fmt::format(
        "--dev takes no {}: it runs on loopback, with a file and data of its own in a temporary "
        "directory",
        typed->source);
  }
  if (!line.join.empty()) return "--dev founds a cluster of its own, it takes no --join";
  if (line.action != CommandLine::Action::kRun) {
    return "--dev has no cluster file to check or print; leave one of the two out";
  }
  const auto& listen = line.overrides.listen;
  if (!listen) return std::nullopt;
  const int last = listen->port + (line.dev_nodes - 1) * kDevPortStep + config::kPeerPortOffset;
  if (listen->host == "127.0.0.1" && listen->port != 0 && last <= 65535) return std::nullopt;
  return fmt::format(
      "--dev listens on 127.0.0.1 only, each node on two ports, {} apart; {} {} cannot be the "
      "first",
      kDevPortStep, texts.listen.source, listen->ToString());
}

Ended UsageError(const std::string& message) {
  return {.code = kUsage, .out = {}, .error = fmt::format("kvd: {}. See kvd --help.\n", message)};
}

}  // namespace

std::variant<CommandLine, Ended> ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app("kvd: one node of a distributed key-value store", "kvd");
  app.footer(std::string(kFooter));
  app.set_version_flag("-V,--version", std::string("kvd " KVD_VERSION));
  Texts texts;
  Describe(app, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream mistake;
    if (app.exit(error, out, mistake) == 0) return Ended{.out = out.str(), .error = {}};
    return UsageError(error.what());
  }
  FindSources(app, texts);
  CommandLine line;
  using Action = CommandLine::Action;
  if (texts.check_config) line.action = Action::kCheckConfig;
  if (app.count("--print-config") > 0) {
    line.action = texts.print_config == "sample" ? Action::kPrintSample : Action::kPrintEffective;
  }
  line.dev_nodes = texts.nodes;
  if (texts.config.given()) line.config_path = texts.config.text;
  if (texts.node.given()) {
    (texts.node.is_flag ? line.node_flag : line.node_environment) = texts.node.text;
  }
  if (const auto wrong = ReadOverrides(texts, line.overrides)) return UsageError(*wrong);
  if (app.count("--join") > 0) {
    if (const auto wrong = ReadJoin(texts.join, line.join)) return UsageError(*wrong);
  }
  if (!texts.dev) return line;
  if (const auto wrong = ContradictsDev(texts, line)) return UsageError(*wrong);
  line.action = Action::kDev;
  return line;
}

}  // namespace kvd::daemon
