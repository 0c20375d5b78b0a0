// Ctrl-C: says what is known of the work it breaks off, and then the process dies of the signal as
// a shell expects (130, 143).
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

}  // namespace kvd::kvctl
