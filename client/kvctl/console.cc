#include "client/kvctl/console.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <system_error>

namespace kvd::kvctl {
namespace {

Status ErrnoStatus(int error) {
  std::string text = std::generic_category().message(error);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return MakeStatus(error == EPIPE ? StatusCode::kCancelled : StatusCode::kUnknown, text);
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

StatusOr<std::string> ReadAll(int fd, size_t limit) {
  std::string bytes;
  while (bytes.size() <= limit) {
    constexpr size_t kChunk = 64 * 1024;
    const size_t have = bytes.size();
    bytes.resize(std::min(have + kChunk, limit + 1));
    const ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    bytes.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno);
    if (got == 0) break;
  }
  return bytes;
}

}  // namespace

Status StandardConsole::WriteOut(std::string_view bytes) {
  return Annotate(WriteAll(STDOUT_FILENO, bytes), "write standard output");
}

void StandardConsole::WriteErr(std::string_view text) {
  (void)WriteAll(STDERR_FILENO, text).ok();
}

StatusOr<std::string> StandardConsole::ReadIn(size_t limit) {
  auto bytes = ReadAll(STDIN_FILENO, limit);
  if (!bytes.ok()) return Annotate(bytes.status(), "read standard input");
  return bytes;
}

// Byte by byte: what follows the line belongs to whoever reads next.
StatusOr<std::string> StandardConsole::ReadLine() {
  std::string line;
  while (true) {
    char next = 0;
    const ssize_t got = read(STDIN_FILENO, &next, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Annotate(ErrnoStatus(errno), "read standard input");
    if (got == 0 || next == '\n') return line;
    line += next;
  }
}

bool StandardConsole::in_is_terminal() const {
  return isatty(STDIN_FILENO) == 1;
}
bool StandardConsole::out_is_terminal() const {
  return isatty(STDOUT_FILENO) == 1;
}
bool StandardConsole::err_is_terminal() const {
  return isatty(STDERR_FILENO) == 1;
}

size_t StandardConsole::err_columns() const {
  constexpr size_t kUnknown = 80;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknown;
  return size.ws_col;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

StatusOr<std::string> ReadFile(const std::string& file, size_t limit) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT
  if (fd < 0) return Annotate(ErrnoStatus(errno), "read " + file);
  auto bytes = ReadAll(fd, limit);
  close(fd);
  if (!bytes.ok()) return Annotate(bytes.status(), "read " + file);
  return bytes;
}

Status WriteFile(const std::string& file, std::string_view bytes) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);  // NOLINT
  if (fd < 0) return Annotate(ErrnoStatus(errno), "write " + file);
  Status written = WriteAll(fd, bytes);
  // Some file systems report a full disk only here.
  if (close(fd) != 0 && written.ok()) written = ErrnoStatus(errno);
  return Annotate(written, "write " + file);
}

}  // namespace kvd::kvctl
