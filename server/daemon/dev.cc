#include "server/daemon/dev.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace kvd::daemon {
namespace {

constexpr int kFirstPort = 7400;
constexpr int kPortStep = 10;

// Where clients reach each node; --listen moves the first port.
std::vector<std::string> Addresses(const CommandLine& line) {
  const int first = line.overrides.listen ? line.overrides.listen->port : kFirstPort;
  std::vector<std::string> addresses;
  for (int i = 0; i < line.dev_nodes; ++i) {
    addresses.push_back(fmt::format("127.0.0.1:{}", first + i * kPortStep));
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

pid_t Spawn(const CommandLine& line, int (*run)(const CommandLine&)) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // No orphans, however the parent ends.
  setpgid(0, 0);                     // Ctrl-C reaches the parent, which tells the nodes.
  _exit(run(line));
}

// Waits until a child ends by itself or a signal asks to stop. Returns the code to end with.
int Watch(const std::vector<pid_t>& nodes) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  int signal = 0;
  sigwait(&signals, &signal);
  for (const pid_t node : nodes) kill(node, SIGTERM);
  int code = kOk;
  for (const pid_t node : nodes) {
    int status = 0;
    waitpid(node, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) code = 128 + WTERMSIG(status);
  }
  return code;
}

}  // namespace

int RunDev(const CommandLine& line, int (*run)(const CommandLine&)) {
  std::error_code error;
  std::string dir = (std::filesystem::temp_directory_path(error) / "kvd-dev-XXXXXX").string();
  if (error || mkdtemp(dir.data()) == nullptr) {
    fmt::print(stderr, "kvd: cannot create {}: is TMPDIR writable?\n", dir);
    return kCannotCreate;
  }
  const std::vector<std::string> addresses = Addresses(line);
  WriteClusterFile(dir, addresses);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&blocked, signal);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  std::vector<pid_t> nodes;
  for (int i = 0; i < line.dev_nodes; ++i) {
    CommandLine node = line;
    node.action = CommandLine::Action::kRun;
    node.config_path = dir + "/cluster.yaml";
    node.node_flag = fmt::format("n{}", i + 1);
    node.overrides = {.log_level = line.overrides.log_level,
                      .log_format = line.overrides.log_format};
    const pid_t pid = Spawn(node, run);
    if (pid < 0) {
      fmt::print(stderr, "kvd: cannot start node n{}: too many processes?\n", i + 1);
      raise(SIGTERM);  // Blocked, so it waits for Watch(), which stops the others.
      break;
    }
    nodes.push_back(pid);
  }
  if (std::cmp_equal(nodes.size(), line.dev_nodes)) Explain(dir, addresses);
  const int code = std::cmp_equal(nodes.size(), line.dev_nodes)
                       ? Watch(nodes)
                       : std::max<int>(Watch(nodes), kInternal);
  std::filesystem::remove_all(dir);
  return code;
}

}  // namespace kvd::daemon
