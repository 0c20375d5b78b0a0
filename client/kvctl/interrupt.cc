#include "client/kvctl/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "common/clock.h"

namespace kvd::kvctl {
namespace {

std::atomic<const std::string*> last_words = nullptr;
static_assert(std::atomic<const std::string*>::is_always_lock_free, "a signal handler reads it");

// Signals closer to each other are one: timeout(1) sends one to a process and one to its group.
constexpr Duration kOneSignal = std::chrono::milliseconds(100);

std::atomic<bool> is_noting = false;
std::atomic<int> noted = 0;                // The first one; 0: none.
std::atomic<Duration::rep> latest_at = 0;  // By the steady clock; 0: none.
static_assert(std::atomic<Duration::rep>::is_always_lock_free, "a signal handler writes it");

// True if the signal is taken note of, and no more.
bool Note(int signal) {
  if (!is_noting) return false;
  const Duration now = std::chrono::steady_clock::now().time_since_epoch();
  const Duration before{latest_at.exchange(now.count())};
  if (before == Duration::zero()) noted = signal;
  return before == Duration::zero() || now - before < kOneSignal;
}

// Everything here may be called from a signal handler.
void OnSignal(int signal) {
  if (Note(signal)) return;
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

Interruption::Interruption() {
  noted = 0;
  latest_at = 0;
  is_noting = true;
}

Interruption::~Interruption() {
  is_noting = false;
}

bool Interruption::asked() const {
  return noted.load() != 0;
}

void Interruption::EndProcess() const {
  const int signal = noted.load();
  std::signal(signal, SIG_DFL);
  raise(signal);
  std::abort();
}

}  // namespace kvd::kvctl
