#include "server/daemon/dev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace kvd::daemon {
namespace {

constexpr int kFirstPort = 7400;

// A node, and the end of a pipe in which a byte comes once it serves. If it ends, the pipe does.
struct Node {
  pid_t pid = -1;
  int serving = -1;
};

sigset_t WatchedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

// Where clients reach each node; --listen moves the first port.
std::vector<std::string> Addresses(const CommandLine& line) {
  const int first = line.overrides.listen ? line.overrides.listen->port : kFirstPort;
  std::vector<std::string> addresses;
  for (int i = 0; i < line.dev_nodes; ++i) {
    addresses.push_back(fmt::format("127.0.0.1:{}", first + i * kDevPortStep));
  }
  return addresses;
}

void WriteClusterFile(const std::filesystem::path& dir, const std::vector<std::string>& addresses) {
  std::ofstream file(dir / "cluster.yaml");
  file << "version: 1\ncluster: { name: dev }\nnodes:\n";
  for (size_t i = 0; i < addresses.size(); ++i) {
    file << fmt::format("  - {{ name: n{}, address: \"{}\" }}\n", i + 1, addresses[i]);
  }
  file << fmt::format("defaults: {{ data_dir: \"{}/${{node}}\", http_listen: \"\" }}\n",
                      dir.string());
  file << "timeouts: { drain_delay: 0s }\n";
}

void Explain(const std::filesystem::path& dir, const std::vector<std::string>& addresses) {
  const size_t nodes = addresses.size();
  const std::string endpoints = fmt::format("{}", fmt::join(addresses, ","));
  fmt::print("kvd: {} on {}, data in {} until you stop it (Ctrl-C)\n",
             nodes == 1 ? "one node" : fmt::format("{} nodes", nodes), endpoints, dir.string());
  const bool usual = addresses.front() == fmt::format("127.0.0.1:{}", kFirstPort);
  fmt::print("try: {}kvctl put greeting hello && kvctl get greeting && kvctl status\n",
             usual ? "" : fmt::format("export KVCTL_ENDPOINTS={} && ", endpoints));
  std::fflush(stdout);
}

std::optional<Node> Spawn(const CommandLine& line, RunNode run) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // No orphans, however the parent ends.
    setpgid(0, 0);                     // Ctrl-C reaches the parent, which tells the nodes.
    close(ends[0]);
    _exit(run(line, [fd = ends[1]] { (void)!write(fd, "", 1); }));
  }
  close(ends[1]);
  if (pid > 0) return Node{pid, ends[0]};
  close(ends[0]);
  return std::nullopt;
}

// As many as could be started.
std::vector<Node> SpawnAll(const CommandLine& line, const std::string& dir, RunNode run) {
  std::vector<Node> nodes;
  for (int i = 0; i < line.dev_nodes; ++i) {
    CommandLine node = line;
    node.action = CommandLine::Action::kRun;
    node.config_path = dir + "/cluster.yaml";
    node.node_flag = fmt::format("n{}", i + 1);
    node.overrides = {.log_level = line.overrides.log_level,
                      .log_format = line.overrides.log_format};
    const auto started = Spawn(node, run);
    if (!started) {
      fmt::print(stderr, "kvd: cannot start node n{}: too many processes?\n", i + 1);
      raise(SIGTERM);  // Blocked, so it waits for Watch(), which stops the others.
      break;
    }
    nodes.push_back(*started);
  }
  return nodes;
}

// True once every node serves; false if one ends before, or a signal comes, which stays pending.
bool AwaitServing(const std::vector<Node>& nodes) {
  const sigset_t signals = WatchedSignals();
  const int signalled = signalfd(-1, &signals, SFD_CLOEXEC);
  const bool all = std::ranges::all_of(nodes, [&](const Node& node) {
    std::array<pollfd, 2> either = {{{signalled, POLLIN, 0}, {node.serving, POLLIN, 0}}};
    while (poll(either.data(), either.size(), -1) < 0 && errno == EINTR) continue;
    char byte = 0;
    return either[0].revents == 0 && read(node.serving, &byte, 1) == 1;
  });
  close(signalled);
  return all;
}

// Waits until a child ends by itself or a signal asks to stop. Returns the code to end with.
int Watch(const std::vector<Node>& nodes) {
  const sigset_t signals = WatchedSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  for (const Node& node : nodes) kill(node.pid, SIGTERM);
  int code = kOk;
  for (const Node& node : nodes) {
    int status = 0;
    waitpid(node.pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) code = 128 + WTERMSIG(status);
    close(node.serving);
  }
  return code;
}

}  // namespace

int RunDev(const CommandLine& line, RunNode run) {
  std::error_code error;
  std::string dir = (std::filesystem::temp_directory_path(error) / "kvd-dev-XXXXXX").string();
  if (error || mkdtemp(dir.data()) == nullptr) {
    fmt::print(stderr, "kvd: cannot create {}: is TMPDIR writable?\n", dir);
    return kCannotCreate;
  }
  const std::vector<std::string> addresses = Addresses(line);
  WriteClusterFile(dir, addresses);
  const sigset_t watched = WatchedSignals();
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  const std::vector<Node> nodes = SpawnAll(line, dir, run);
  const bool complete = std::cmp_equal(nodes.size(), line.dev_nodes);
  if (complete && AwaitServing(nodes)) Explain(dir, addresses);
  const int code = Watch(nodes);
  std::filesystem::remove_all(dir, error);
  return complete ? code : std::max<int>(code, kInternal);
}

}  // namespace kvd::daemon
