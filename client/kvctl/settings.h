// What holds for a whole run of kvctl, from flags, environment, cluster file and defaults, in this
// order.
//
// Threading: values.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "client/client.h"
#include "client/kvctl/command_line.h"
#include "client/kvctl/failure.h"

namespace kvd::kvctl {

enum class Format : uint8_t { kText, kJson, kTable, kRaw, kHex, kBase64 };

struct Settings {
  client::Options client;      // Its timeout is that of the whole command.
  bool timeout_given = false;  // It is not the default, which does not limit what takes its time.
  Format output = Format::kText;
  bool out_colour = false;
  bool err_colour = false;
  bool quiet = false;
  bool verbose = false;
  bool yes = false;          // Every question is answered already.
  bool on_terminal = false;  // Somebody types, and reads the results.
  bool may_ask = false;      // And may be asked.
  bool animated = false;     // Lines on standard error may be redrawn.
  std::string asked_by;      // USER@HOST, as jobs show it: at most 128 bytes.
};

// What surrounds a run.
struct Surroundings {
  // An environment variable; nullopt if it is not set.
  std::function<std::optional<std::string>(std::string_view name)> environment;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::string host{};  // This machine.
};

// Fails with a usage error that names the flag or variable. A format from the environment that the
// command does not have is ignored, one from a flag is an error.
[[nodiscard]] std::variant<Settings, Failure> MakeSettings(const CommandLine& line,
                                                           const Surroundings& around);

}  // namespace kvd::kvctl
