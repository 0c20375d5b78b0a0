// A cluster of real kvd processes on loopback, in a folder of its own, with ports that nobody else
// gets. Nodes are numbered from 1 and named n1, n2, ... When a test fails, the logs of all nodes
// are printed with it.
//
// Threading: confined to the test's main thread (see process.h); the clients it hands out are
// thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/reserved_port.h"

namespace kvd::testing {

class Cluster {
 public:
  struct Options {
    int nodes = 3;
    // These first ones found the cluster; the others, whose file lists them all, join when a test
    // starts them. 0: all.
    int founders = 0;
    int partitions = 0;    // 0: as many as there are by default.
    bool divided = false;  // n1 into one shard, n2 into two, ...
    // The rest of the cluster file, beside the nodes and their folders.
    std::string settings = kQuickStop;
    bool http = false;  // Whether nodes serve /metrics and their state, on ports of their choice.
    bool start = true;  // Every founder, and wait until all are up and own what they should.
  };
  static constexpr const char* kQuickStop = "timeouts: { drain_delay: 0s }\n";

  explicit Cluster(const Options& options);
  Cluster() : Cluster(Options{}) {}
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void Start(int node);
  void StartAll();         // The founders.
  void Kill(int node);     // kill -9, and its end.
  int Stop(int node);      // SIGTERM, and its exit code.
  int AwaitEnd(int node);  // It stops by itself; its exit code.
  void Freeze(int node);
  void Thaw(int node);

  // Waits until each running node says that the cluster is founded and that the running nodes, and
  // only they, are up. A test failure if that never happens.
  void AwaitReady();

  // Waits until each partition is owned by the node that the ring prefers. Takes 10 s and more
  // after a node was away. A test failure if that never happens.
  void AwaitPreferredOwners() const;

  // What `node` says about `of`; kUnknown if it does not answer.
  [[nodiscard]] client::NodeState StateOf(int of, int as_seen_by) const;

  [[nodiscard]] client::Client ClientOf(int node) const;

  // Runs kvctl, which knows all nodes, or only `node`.
  [[nodiscard]] Finished Kvctl(std::vector<std::string> words, const std::string& in = {}) const;
  [[nodiscard]] Finished KvctlAt(int node, std::vector<std::string> words,
                                 const std::string& in = {}) const;

  [[nodiscard]] int size() const { return static_cast<int>(nodes_.size()); }
  [[nodiscard]] Process& process(int node) { return *At(node).process; }
  [[nodiscard]] std::string address(int node) const { return At(node).port.address(); }
  [[nodiscard]] std::string peer_address(int node) const { return At(node).peer_port.address(); }
  // Where it serves HTTP, as it said when it last started; empty: it has not said so yet.
  [[nodiscard]] std::string http_address(int node) const;
  [[nodiscard]] std::string endpoints() const;  // "127.0.0.1:40001,127.0.0.1:40003"
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path data_dir(int node) const;
  [[nodiscard]] std::filesystem::path file() const { return folder() / "cluster.yaml"; }
  [[nodiscard]] std::filesystem::path file_of_joiners() const { return folder() / "joiners.yaml"; }
  [[nodiscard]] std::string log(int node) const;  // What it has printed, over all its starts.

  // The text of the founders' cluster file; `settings` as in Options.
  [[nodiscard]] std::string FileText(const std::string& settings) const;

  // The command line of a node. A test may run it by hand, to see it refused.
  [[nodiscard]] std::vector<std::string> Command(int node) const;

 private:
  struct Node {
    ReservedPort port{};
    ReservedPort peer_port{};
    std::unique_ptr<Process> process{};
  };

  [[nodiscard]] Node& At(int node) { return nodes_.at(static_cast<size_t>(node - 1)); }
  [[nodiscard]] const Node& At(int node) const { return nodes_.at(static_cast<size_t>(node - 1)); }
  [[nodiscard]] std::filesystem::path log_path(int node) const;
  [[nodiscard]] std::string ListOf(int nodes, const std::string& settings) const;
  [[nodiscard]] bool AllSeenAsTheyAre() const;
  [[nodiscard]] bool AllOwnedAsPreferred() const;

  const int founders_;
  const int partitions_;
  const bool divided_;
  const std::string http_listen_;
  TempFolder folder_;
  std::vector<Node> nodes_;
};

// "n2"
[[nodiscard]] std::string NodeName(int node);

// A client of one endpoint, with time enough for a loaded machine.
[[nodiscard]] client::Client ClientAt(const std::string& endpoint);

// kvctl with these words; -e is for the caller to give.
[[nodiscard]] Process::Options KvctlCommand(std::vector<std::string> words);

}  // namespace kvd::testing
