// Three etcd processes on loopback, in a folder of their own, as Debian's etcd-server has them:
// fsync on, nothing tuned.
//
// Threading: confined to the program's main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/reserved_port.h"

namespace kvd::bench {

class EtcdCluster {
 public:
  EtcdCluster();

  [[nodiscard]] std::vector<std::string> endpoints() const;
  [[nodiscard]] std::string log(size_t node) const;
  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  struct Node {
    testing::ReservedPort port{};
    testing::ReservedPort peer_port{};
    std::unique_ptr<testing::Process> process{};
  };

  [[nodiscard]] std::string log_file(size_t node) const;
  void Start(size_t node);

  testing::TempFolder folder_;
  std::vector<Node> nodes_;
};

}  // namespace kvd::bench
