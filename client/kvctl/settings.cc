#include "client/kvctl/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "client/kvctl/layout.h"
#include "config/diagnostic.h"
#include "config/load.h"
#include "config/parse.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

// An option's value and where it comes from, for errors.
struct Given {
  std::string value;
  std::string source;  // "--timeout" or "KVCTL_TIMEOUT".
  bool by_flag = false;
};

std::optional<Given> Find(std::string_view option, const CommandLine& line,
                          const Surroundings& around) {
  if (const std::string* value = line.Value(option)) {
    return Given{*value, fmt::format("--{}", option), true};
  }
  const auto global = GlobalOptions();
  const auto spec = std::ranges::find(global, option, &OptionSpec::name);
  if (spec == global.end() || spec->environment.empty()) return std::nullopt;
  const auto value = around.environment(spec->environment);
  if (!value || value->empty()) return std::nullopt;
  return Given{*value, std::string(spec->environment), false};
}

constexpr std::array<std::pair<std::string_view, Format>, 6> kFormats = {{
    {"text", Format::kText},
    {"json", Format::kJson},
    {"table", Format::kTable},
    {"raw", Format::kRaw},
    {"hex", Format::kHex},
    {"base64", Format::kBase64},
}};

bool IsForValues(Format format) {
  return format == Format::kRaw || format == Format::kHex || format == Format::kBase64;
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = text.find(',');
    if (comma != 0 && !text.empty()) parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// NO_COLOR (no-color.org) beats CLICOLOR_FORCE, which beats what the stream is.
bool IsColourful(bool is_terminal, const Surroundings& around) {
  const auto is_set = [&](std::string_view name) {
    const auto value = around.environment(name);
    return value && !value->empty() && !(name == "CLICOLOR_FORCE" && *value == "0");
  };
  if (is_set("NO_COLOR")) return false;
  if (is_set("CLICOLOR_FORCE")) return true;
  return is_terminal && around.environment("TERM").value_or("") != "dumb";
}

// Cut where a character begins.
std::string WhoAsks(const Surroundings& around) {
  constexpr size_t kMaxBytes = 128;
  const auto user = around.environment("USER");
  std::string who = Visible(fmt::format("{}@{}", user && !user->empty() ? *user : "somebody",
                                        around.host.empty() ? "somewhere" : around.host));
  size_t end = std::min(who.size(), kMaxBytes);
  while (end < who.size() && (static_cast<unsigned char>(who[end]) & 0xC0U) == 0x80U) --end;
  who.resize(end);
  return who;
}

class Maker {
 public:
  Maker(const CommandLine& line, const Surroundings& around) : line_(line), around_(around) {}

  std::variant<Settings, Failure> Run() {
    settings_.quiet = line_.Has("quiet");
    settings_.verbose = line_.Has("verbose");
    settings_.yes = line_.Has("yes");
    settings_.asked_by = WhoAsks(around_);
    settings_.client.insecure = line_.Has("insecure");
    TakeOutput();
    TakeColour();
    TakeTerminal();
    TakeTimeout();
    TakeClusterFile();
    TakeEndpoints();
    TakeTls();
    if (failure_) return *std::move(failure_);
    return std::move(settings_);
  }

 private:
  [[nodiscard]] std::optional<Given> Find(std::string_view option) const {
    return kvctl::Find(option, line_, around_);
  }

  void Fail(std::string message) {
    if (!failure_) failure_ = UsageFailure(std::move(message));
  }

  void TakeOutput() {
    const auto given = Find("output");
    if (!given) return;
    const auto* it =
        std::ranges::find(kFormats, given->value, &std::pair<std::string_view, Format>::first);
    if (it == kFormats.end()) {
      return Fail(fmt::format("{}: {} is not one of text, json, table, raw, hex, base64",
                              given->source, config::InQuotes(given->value)));
    }
    const bool fits =
        !IsForValues(it->second) || line_.command == nullptr || line_.command->name == "get";
    if (fits) {
      settings_.output = it->second;
    } else if (given->by_flag) {
      Fail(fmt::format("{} has no {} output; use text, table or json", line_.command->name,
                       given->value));
    }
  }

  void TakeColour() {
    settings_.out_colour = IsColourful(around_.out_is_terminal, around_);
    settings_.err_colour = IsColourful(around_.err_is_terminal, around_);
    const std::string* when = line_.Value("color");
    if (when == nullptr || *when == "auto") return;
    if (*when != "always" && *when != "never") {
      return Fail(
          fmt::format("--color: {} is not one of auto, always, never", config::InQuotes(*when)));
    }
    settings_.out_colour = settings_.err_colour = *when == "always";
  }

  // REQUIRES: the output is taken.
  void TakeTerminal() {
    settings_.on_terminal = around_.in_is_terminal && around_.out_is_terminal;
    settings_.may_ask =
        settings_.on_terminal && !line_.Has("no-input") && settings_.output != Format::kJson;
    settings_.animated =
        around_.err_is_terminal && around_.environment("TERM").value_or("") != "dumb";
  }

  void TakeTimeout() {
    const auto given = Find("timeout");
    if (!given) return;
    const auto timeout = config::ParseDuration(given->value);
    if (!timeout.ok()) return Fail(given->source + ": " + Message(timeout.status()));
    settings_.client.timeout = *timeout;
    settings_.timeout_given = true;
  }

  void TakeClusterFile() {
    const auto given = Find("cluster-file");
    if (!given) return;
    const auto text = config::Load(given->value);
    if (!text.ok()) return Fail(given->source + ": " + Message(text.status()));
    const auto parsed = config::Parse(*text);
    if (!parsed.file) {
      return Fail(
          fmt::format("{}: {} is not a valid cluster file; kvd --config {} --check-config "
                      "says why",
                      given->source, given->value, given->value));
    }
    settings_.client.endpoints.clear();
    for (const auto& node : parsed.file->nodes) {
      settings_.client.endpoints.push_back(node.address.ToString());
    }
    const auto& tls = parsed.file->tls;
    if (tls.mode == config::TlsMode::kDisabled) {
      settings_.client.insecure |= tls.allow_insecure;
    } else {
      settings_.client.tls = client::Tls{.ca_file = tls.ca_file};
    }
  }

  void TakeEndpoints() {
    const auto given = Find("endpoints");
    if (!given) return;
    settings_.client.endpoints = SplitAtCommas(given->value);
    if (settings_.client.endpoints.empty()) Fail(given->source + " names no endpoint");
  }

  void TakeTls() {
    const std::array<std::pair<std::string_view, std::string client::Tls::*>, 3> files = {{
        {"cacert", &client::Tls::ca_file},
        {"cert", &client::Tls::cert_file},
        {"key", &client::Tls::key_file},
    }};
    for (const auto& [option, member] : files) {
      const auto given = Find(option);
      if (!given) continue;
      if (!settings_.client.tls) settings_.client.tls.emplace();
      (*settings_.client.tls).*member = given->value;
    }
  }

  const CommandLine& line_;
  const Surroundings& around_;
  Settings settings_;
  std::optional<Failure> failure_;
};

}  // namespace

std::variant<Settings, Failure> MakeSettings(const CommandLine& line, const Surroundings& around) {
  return Maker(line, around).Run();
}

}  // namespace kvd::kvctl
