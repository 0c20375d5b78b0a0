#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "common/bytes.h"
#include "common/check.h"

namespace kvd::testing {
namespace {

int MemoryFile(const char* name, std::string_view content = {}) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  KVD_CHECK(fd >= 0, "memfd_create");
  KVD_CHECK(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "write to memory");
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string Content(int fd) {
  if (fd < 0) return {};
  struct stat info {};
  KVD_CHECK(fstat(fd, &info) == 0, "fstat");
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

// What is left in a terminal whose other side was closed.
std::string Drain(int fd) {
  std::string bytes;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got <= 0) return bytes;
    bytes.append(chunk.data(), static_cast<size_t>(got));
  }
}

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    const bool listened_to = variable.starts_with("KVD_") || variable.starts_with("KVCTL_") ||
                             variable.starts_with("NO_COLOR=") ||
                             variable.starts_with("CLICOLOR") || variable.starts_with("TERM=") ||
                             variable.starts_with("JOURNAL_STREAM=");
    if (!listened_to) variables.emplace_back(variable);
  }
  variables.insert(variables.end(), more.begin(), more.end());
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

int OpenFor(const std::string& file, int flags) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);  // NOLINT
  KVD_CHECK(fd >= 0, "open " + file);
  return fd;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Finished& finished) {
  return out << "rc " << finished.code << "\nstdout: " << Quoted(finished.out, 2000)
             << "\nstderr: " << Quoted(finished.err, 2000);
}

bool Process::HasTerminals() {
  int ours = -1;
  int theirs = -1;
  if (openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) return false;
  close(ours);
  close(theirs);
  return true;
}

Process::Process(const Options& options) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = Environment(options.environment);
  std::vector<char*> argv = Pointers(command);
  std::vector<char*> envp = Pointers(environment);

  const int in = MemoryFile("stdin", options.in);
  int child_out = -1;
  int child_err = -1;
  if (!options.log_file.empty()) {
    child_out = OpenFor(options.log_file, O_APPEND);
    child_err = child_out;
  } else {
    child_err = err_ = MemoryFile("stderr");
    if (options.output == Output::kTerminal) {
      KVD_CHECK(openpty(&terminal_, &child_out, nullptr, nullptr, nullptr) == 0, "openpty");
      fcntl(terminal_, F_SETFD, FD_CLOEXEC);
      fcntl(child_out, F_SETFD, FD_CLOEXEC);
    } else if (!options.out_file.empty()) {
      child_out = OpenFor(options.out_file, O_TRUNC);
    } else {
      child_out = out_ = MemoryFile("stdout");
    }
  }

  const pid_t parent = getpid();
  pid_ = fork();
  KVD_CHECK(pid_ >= 0, "fork");
  if (pid_ == 0) {
    // Only what is safe after a fork of a process with threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(127);
    dup2(in, STDIN_FILENO);
    dup2(child_out, STDOUT_FILENO);
    dup2(child_err, STDERR_FILENO);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  // Not the function of <sys/pidfd.h>: this C library declares it for C only.
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  KVD_CHECK(pid_fd_ >= 0, "pidfd_open");
  close(in);
  if (child_out != out_) close(child_out);
}

Process::~Process() {
  Signal(SIGKILL);
  (void)Wait(std::chrono::hours(1));
  for (const int fd : {pid_fd_, out_, err_, terminal_}) {
    if (fd >= 0) close(fd);
  }
}

void Process::Signal(int signal) const {
  if (!code_) kill(pid_, signal);
}

std::optional<int> Process::Wait(Duration timeout) {
  if (code_) return code_;
  pollfd ended{.fd = pid_fd_, .events = POLLIN, .revents = 0};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  if (poll(&ended, 1, static_cast<int>(ms)) <= 0) return std::nullopt;
  int status = 0;
  KVD_CHECK(waitpid(pid_, &status, 0) == pid_, "waitpid");
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return code_;
}

std::string Process::out() const {
  return terminal_ >= 0 ? Drain(terminal_) : Content(out_);
}

std::string Process::err() const {
  return Content(err_);
}

Finished RunToEnd(const Process::Options& options, Duration timeout) {
  Process process(options);
  auto code = process.Wait(timeout);
  if (!code) {
    process.Signal(SIGKILL);
    code = process.Wait(std::chrono::hours(1));
  }
  return {.code = *code, .out = process.out(), .err = process.err()};
}

}  // namespace kvd::testing
