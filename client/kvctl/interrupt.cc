#include "client/kvctl/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace kvd::kvctl {
namespace {

volatile std::sig_atomic_t write_in_flight = 0;

// Everything here may be called from a signal handler.
void OnSignal(int signal) {
  constexpr std::string_view kText =
      "kvctl: interrupted; the write may or may not be applied. Read the key to find out\n";
  if (write_in_flight != 0) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kText.data(), kText.size());
  }
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void Watch(int signal) {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_NODEFER;  // So that raise() ends the process at once.
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void HandleSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  Watch(SIGINT);
  Watch(SIGTERM);
}

WriteInFlight::WriteInFlight() {
  write_in_flight = 1;
}
WriteInFlight::~WriteInFlight() {
  write_in_flight = 0;
}

}  // namespace kvd::kvctl
