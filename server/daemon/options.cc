#include "server/daemon/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <array>
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

Signals: TERM and INT stop cleanly (a second one stops at once), HUP reads the file again.
Exit codes: 0 clean stop, 64 usage, 65 data damaged, 69 port in use, 73 cannot create the data
directory, 74 I/O error, 75 data directory locked, 77 rights, 78 configuration.
Documentation: README.md)";

// The texts as typed; each is parsed by the type it stands for.
struct Texts {
  std::string config, node, data_dir, listen, peer_listen, http_listen, log_level, log_format;
  std::string print_config;
  bool check_config = false;
  bool dev = false;
  int nodes = 1;
};

void Describe(CLI::App& app, Texts& texts) {
  app.add_option("-c,--config", texts.config,
                 "The cluster file (default: cluster.yaml, then /etc/kvd/cluster.yaml)")
      ->envname("KVD_CONFIG")
      ->option_text("FILE");
  app.add_option("-n,--node", texts.node, "Which node of the file this is")->option_text("NAME");
  app.add_option("-d,--data-dir", texts.data_dir, "Where this node keeps its data")
      ->envname("KVD_DATA_DIR")
      ->option_text("DIR");
  app.add_option("--listen", texts.listen, "Bind here for clients")
      ->envname("KVD_LISTEN")
      ->option_text("ADDR");
  app.add_option("--peer-listen", texts.peer_listen, "Bind here for peers")
      ->envname("KVD_PEER_LISTEN")
      ->option_text("ADDR");
  app.add_option("--log-level", texts.log_level, "trace, debug, info, warn or error")
      ->envname("KVD_LOG_LEVEL")
      ->option_text("LEVEL");
  app.add_option("--log-format", texts.log_format, "text, json, journal or auto")
      ->envname("KVD_LOG_FORMAT")
      ->option_text("FORMAT");
  app.add_flag("--check-config", texts.check_config, "Check the cluster file and stop");
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

template <typename T, typename Parse>
std::optional<std::string> ParseInto(std::optional<T>& out, std::string_view flag,
                                     const std::string& text, const Parse& parse) {
  if (text.empty()) return std::nullopt;
  auto parsed = parse(text);
  if (!parsed.ok()) return fmt::format("{}: {}", flag, Message(parsed.status()));
  out = *parsed;
  return std::nullopt;
}

template <typename T, size_t N>
std::optional<std::string> ChooseInto(std::optional<T>& out, std::string_view flag,
                                      const std::string& text,
                                      const std::array<config::Choice<T>, N>& choices) {
  if (text.empty()) return std::nullopt;
  out = config::ByName(choices, text);
  if (out) return std::nullopt;
  std::vector<std::string_view> names;
  for (const auto& choice : choices) names.push_back(choice.name);
  return fmt::format("{}: '{}' is none of {}", flag, text, fmt::join(names, ", "));
}

// The first mistake in the texts, if any.
std::optional<std::string> ReadOverrides(const Texts& texts, config::Overrides& out) {
  if (!texts.data_dir.empty()) out.data_dir = texts.data_dir;
  const auto host_port = [](const std::string& text) { return config::HostPort::Parse(text); };
  if (auto wrong = ParseInto(out.listen, "--listen", texts.listen, host_port)) return wrong;
  if (auto wrong = ParseInto(out.peer_listen, "--peer-listen", texts.peer_listen, host_port)) {
    return wrong;
  }
  if (auto wrong = ChooseInto(out.log_level, "--log-level", texts.log_level, config::kLogLevels)) {
    return wrong;
  }
  return ChooseInto(out.log_format, "--log-format", texts.log_format, config::kLogFormats);
}

Ended UsageError(const std::string& message) {
  return {.code = kUsage, .out = {}, .error = fmt::format("kvd: {}. See kvd --help.\n", message)};
}

std::optional<std::string> Environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;  // Empty counts as not given.
  return value;
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
  CommandLine line;
  using Action = CommandLine::Action;
  if (texts.check_config) line.action = Action::kCheckConfig;
  if (app.count("--print-config") > 0) {
    line.action = texts.print_config == "sample" ? Action::kPrintSample : Action::kPrintEffective;
  }
  if (texts.dev) line.action = Action::kDev;
  line.dev_nodes = texts.nodes;
  if (!texts.config.empty()) line.config_path = texts.config;
  if (app.count("--node") > 0) line.node_flag = texts.node;
  line.node_environment = Environment("KVD_NODE");
  if (const auto wrong = ReadOverrides(texts, line.overrides)) return UsageError(*wrong);
  return line;
}

}  // namespace kvd::daemon
