// kvd: one node of the cluster, from the command line to the exit code.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <thread>

#include "absl/debugging/failure_signal_handler.h"
#include "absl/debugging/symbolize.h"
#include "absl/synchronization/mutex.h"
#include "server/daemon/dev.h"
#include "server/daemon/instance.h"
#include "server/daemon/options.h"
#include "server/daemon/recover.h"
#include "server/daemon/setup.h"
#include "server/observability/line_logger.h"
#include "server/rpc/library_log.h"

namespace kvd::daemon {
namespace {

int Report(const Ended& ended) {
  std::fputs(ended.out.c_str(), stdout);
  std::fputs(ended.error.c_str(), stderr);
  return std::fflush(stdout) == 0 ? ended.code : kIoError;
}

int Report(const Failure& failure) {
  const bool several_lines = failure.message.ends_with('\n');
  const std::string text = several_lines ? failure.message : "kvd: " + failure.message + "\n";
  std::fputs(text.c_str(), stderr);
  return failure.code;
}

observability::LineFormat FormatOf(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::kText:
      return observability::LineFormat::kText;
    case config::LogFormat::kJson:
      return observability::LineFormat::kJson;
    case config::LogFormat::kJournal:
      return observability::LineFormat::kJournal;
    case config::LogFormat::kAuto:
      break;
  }
  if (std::getenv("JOURNAL_STREAM") != nullptr) return observability::LineFormat::kJournal;
  return isatty(STDERR_FILENO) != 0 ? observability::LineFormat::kText
                                    : observability::LineFormat::kJson;
}

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

void Reload(const CommandLine& line, Instance& instance, Logger& logger) {
  auto setup = MakeSetup(line);
  if (const auto* failure = std::get_if<Failure>(&setup)) {
    return logger.Write({LogLevel::kError,
                         "daemon",
                         "configuration not reloaded, nothing changed: " + failure->message,
                         {}});
  }
  const auto need_restart = instance.Reload(std::get<Setup>(setup));
  logger.Write({LogLevel::kInfo,
                "daemon",
                "configuration reloaded",
                {{"needing_restart", fmt::to_string(need_restart.size())}}});
}

// Until a signal asks to stop.
void AwaitStop(const CommandLine& line, Instance& instance, observability::LineLogger& logger) {
  const sigset_t signals = HandledSignals();
  int signal = 0;
  while (sigwait(&signals, &signal) == 0) {
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) Reload(line, instance, logger);
    if (signal == SIGUSR2) instance.LogState();
    if (signal != SIGUSR1) continue;
    if (const Status reopened = logger.Reopen(); !reopened.ok()) {
      logger.Write({LogLevel::kError, "daemon", Message(reopened), {}});
    }
  }
}

// A second signal stops at once. That is safe: whatever was acknowledged is in the log.
void StopAtOnceOnNextSignal(Logger& logger) {
  std::thread([&logger] {
    const sigset_t signals = HandledSignals();
    int signal = 0;
    do {
      sigwait(&signals, &signal);
    } while (signal != SIGTERM && signal != SIGINT);
    logger.Write({LogLevel::kWarn, "daemon", "second signal, stopping at once", {}});
    _exit(kOk);
  }).detach();
}

int Serve(const CommandLine& line, const Setup& setup, const std::function<void()>& serving) {
  auto logger = observability::LineLogger::Open({.node = setup.node.name,
                                                 .format = FormatOf(setup.node.log_format),
                                                 .level = setup.node.log_level,
                                                 .file = setup.file.log.file});
  if (!logger.ok()) return Report(Failure{kCannotCreate, Message(logger.status())});
  const rpc::LibraryLog libraries(**logger);
  auto started = Instance::Start(setup, **logger);
  if (const auto* failure = std::get_if<Failure>(&started)) return Report(*failure);
  Instance& instance = *std::get<std::unique_ptr<Instance>>(started);
  serving();
  AwaitStop(line, instance, **logger);
  StopAtOnceOnNextSignal(**logger);
  (*logger)->Write({LogLevel::kInfo, "daemon", "draining, asked to stop", {}});
  instance.StartDraining();
  std::this_thread::sleep_for(instance.timeouts().drain_delay);
  if (const Status stopped = instance.Stop(instance.timeouts().drain_grace); !stopped.ok()) {
    return Report(Failure{kIoError, Message(stopped)});
  }
  (*logger)->Write({LogLevel::kInfo, "daemon", "stopped", {}});
  // The thread that waits for a second signal may still write to the logger.
  std::fflush(nullptr);
  _exit(kOk);
}

// Whoever wakes another thread goes on until it has nothing left to do, instead of giving its core
// away at once: what it still hands over becomes one batch. Every thread started later inherits it.
void PreferBatchesToSwitches() {
  const sched_param none{};
  (void)sched_setscheduler(0, SCHED_BATCH, &none);  // Where it is not allowed kvd is slower.
}

int Run(const CommandLine& line, const std::function<void()>& serving) {
  PreferBatchesToSwitches();
  // Every thread inherits this; signals are taken by sigwait alone.
  const sigset_t signals = HandledSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  auto setup = MakeSetup(line);
  if (const auto* failure = std::get_if<Failure>(&setup)) return Report(*failure);
  const auto& made = std::get<Setup>(setup);
  std::fputs(made.warnings.c_str(), stderr);
  if (const auto cannot = WhatIsUnsupported(made)) return Report(Failure{kConfiguration, *cannot});
  return Serve(line, made, serving);
}

// A descriptor that was closed would be given to the next file opened, and what is meant for the
// terminal would be written into the data.
void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1) (void)open("/dev/null", O_RDWR);
  }
}

int Main(int argc, const char* const* argv) {
  OpenStandardStreams();
  umask(S_IRWXG | S_IRWXO);             // What is stored is nobody else's.
  setenv("GRPC_VERBOSITY", "NONE", 0);  // kvd says itself what went wrong, in one line.
  if (argc > 1 && std::string_view(argv[1]) == "recover") {
    const auto parsed = ParseRecoverLine(argc - 1, argv + 1);
    if (const auto* ended = std::get_if<Ended>(&parsed)) return Report(*ended);
    return Report(Recover(std::get<RecoverLine>(parsed)));
  }
  auto parsed = ParseCommandLine(argc, argv);
  if (const auto* ended = std::get_if<Ended>(&parsed)) return Report(*ended);
  const auto& line = std::get<CommandLine>(parsed);
  switch (line.action) {
    case CommandLine::Action::kCheckConfig:
      return Report(CheckConfig(line));
    case CommandLine::Action::kPrintEffective:
    case CommandLine::Action::kPrintSample:
      return Report(PrintConfig(line));
    case CommandLine::Action::kDev:
      return RunDev(line, Run);
    case CommandLine::Action::kRun:
      return Run(line, [] {});
  }
  return kInternal;
}

}  // namespace
}  // namespace kvd::daemon

int main(int argc, char** argv) {
  absl::InitializeSymbolizer(argv[0]);
  absl::InstallFailureSignalHandler({});
  // Debian builds abseil with the search for deadlocks, which gRPC's locks pay for with every use.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return kvd::daemon::Main(argc, argv);
}
