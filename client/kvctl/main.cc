#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/kvctl/console.h"
#include "client/kvctl/interrupt.h"
#include "client/kvctl/run.h"

namespace {

std::optional<std::string> Environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// A descriptor that was closed would be given to the next file or connection opened, and what is
// meant for the terminal would be written into it.
void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1) (void)open("/dev/null", O_RDWR);
  }
}

// gRPC reads its verbosity from the environment when it is first used.
void SilenceGrpc(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--debug") return;
    if (word == "--") break;
  }
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/1);
}

}  // namespace

int main(int argc, char** argv) {
  OpenStandardStreams();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  SilenceGrpc(words);
  kvd::kvctl::HandleSignals();
  kvd::kvctl::StandardConsole console;
  const auto code = kvd::kvctl::Run(words, Environment, console);
  // Nothing is buffered, and taking gRPC apart takes longer than most commands.
  std::_Exit(static_cast<int>(code));
}
