// Ctrl-C: says what is known of the work it breaks off, or lets that come to an end, and then the
// process dies of the signal as a shell expects (130, 143).
//
// Threading: confined to the main thread.
#pragma once

#include <string>

namespace kvd::kvctl {

// Ignores SIGPIPE, so that a reader that goes away is an error of write(), and watches SIGINT and
// SIGTERM.
void HandleSignals();

// While one exists, its text is what an interrupted process says on standard error. Of several the
// latest; they end in the opposite order.
class LastWords {
 public:
  explicit LastWords(std::string text);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

 private:
  const std::string text_;
  const std::string* const before_;
};

// While one exists, the first signal is noted and no more; a second one ends the process at once,
// unless it comes with the first.
// REQUIRES: there is no other.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  [[nodiscard]] bool asked() const;

  // The process dies of the signal that was noted. REQUIRES: asked().
  [[noreturn]] void EndProcess() const;
};

}  // namespace kvd::kvctl
