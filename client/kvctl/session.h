// One run of a command: its settings, its streams, the time it has left, and the cluster.
//
// Threading: confined to the main thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/kvctl/console.h"
#include "client/kvctl/exit_code.h"
#include "client/kvctl/failure.h"
#include "client/kvctl/settings.h"

namespace kvd::kvctl {

class Session {
 public:
  // The time of the whole command starts now.
  Session(Settings settings, Console& console);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] Console& console() { return console_; }
  [[nodiscard]] bool json() const { return settings_.output == Format::kJson; }

  // The cluster at the endpoints of the settings; null after a failure, which has been reported.
  [[nodiscard]] const client::Client* Cluster();

  // From now on Cluster() also asks the nodes that `status` lists, after the endpoints: whoever
  // answers now may be about to stop. Those that the settings do not permit are left out.
  void Widen(const client::ClusterStatus& status);

  // How Cluster() reaches the cluster, for whoever opens something else.
  [[nodiscard]] const client::Options& access() const { return access_; }

  // The command takes as long as it takes, unless it was given a time. One call still has the
  // default.
  void LiftDefaultTimeout() { limited_ = settings_.timeout_given; }

  // For the next call: what is left of the command's time; nullopt: it has no limit.
  [[nodiscard]] std::optional<Duration> TimeLeft() const;
  [[nodiscard]] bool IsOutOfTime() const;

  // Writes a result. kError, reported, if standard output does not take it; `done` is what has been
  // done nevertheless ("the value was written"). A reader that went away is not worth a message.
  ExitCode Print(std::string_view result, std::string_view done = {});

  // Reports what went wrong; returns its exit code.
  ExitCode Fail(const Failure& failure);
  ExitCode Fail(const client::Error& error) { return Fail(FromError(error)); }

  // What people may want to know meanwhile, on standard error; not with --quiet, nor for programs.
  void Note(std::string_view text);

  // With --verbose: how an operation was served.
  void Trace(std::string_view operation, const client::Served& served);

 private:
  Settings settings_;
  Console& console_;
  const std::chrono::steady_clock::time_point started_at_;
  bool limited_ = true;
  client::Options access_;
  std::optional<client::Client> client_;
};

}  // namespace kvd::kvctl
