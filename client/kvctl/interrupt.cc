#include "client/kvctl/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <utility>

namespace kvd::kvctl {
namespace {

std::atomic<const std::string*> last_words = nullptr;
static_assert(std::atomic<const std::string*>::is_always_lock_free, "a signal handler reads it");

// Everything here may be called from a signal handler.
void OnSignal(int signal) {
  if (const std::string* words = last_words.load(); words != nullptr) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, words->data(), words->size());
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

LastWords::LastWords(std::string text)
    : text_(std::move(text)), before_(last_words.exchange(&text_)) {}

LastWords::~LastWords() {
  last_words = before_;
}

}  // namespace kvd::kvctl
