#include "server/daemon/dev.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace kvd::daemon {
namespace {

constexpr int kFirstPort = 7400;
constexpr int kPortStep = 10;

std::string Address(int node) {
  return fmt::format("127.0.0.1:{}", kFirstPort + node * kPortStep);
}

void WriteClusterFile(const std::filesystem::path& dir, int nodes) {
  std::ofstream file(dir / "cluster.yaml");
  file << "version: 1\ncluster: { name: dev }\nnodes:\n";
  for (int i = 0; i < nodes; ++i) {
    file << fmt::format("  - {{ name: n{}, address: \"{}\" }}\n", i + 1, Address(i));
  }
  file << fmt::format("defaults: {{ data_dir: \"{}/${{node}}\", http_listen: \"\" }}\n",
                      dir.string());
  file << "timeouts: { drain_delay: 0s }\n";
}

void Explain(const std::filesystem::path& dir, int nodes) {
  std::string endpoints;
  for (int i = 0; i < nodes; ++i) endpoints += (i == 0 ? "" : ",") + Address(i);
  fmt::print("kvd: {} on {}, data in {} until you stop it (Ctrl-C)\n",
             nodes == 1 ? "one node" : fmt::format("{} nodes", nodes), endpoints, dir.string());
  fmt::print("try: kvctl put greeting hello && kvctl get greeting && kvctl status\n");
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
  }
  return code;
}

}  // namespace

int RunDev(const CommandLine& line, int (*run)(const CommandLine&)) {
  std::string dir = (std::filesystem::temp_directory_path() / "kvd-dev-XXXXXX").string();
  if (mkdtemp(dir.data()) == nullptr) {
    fmt::print(stderr, "kvd: cannot create {}: is TMPDIR writable?\n", dir);
    return kCannotCreate;
  }
  WriteClusterFile(dir, line.dev_nodes);
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
    nodes.push_back(Spawn(node, run));
  }
  Explain(dir, line.dev_nodes);
  const int code = Watch(nodes);
  std::filesystem::remove_all(dir);
  return code;
}

}  // namespace kvd::daemon
