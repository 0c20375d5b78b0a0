#include "tests/bench/versus/etcd.h"

#include <fmt/format.h>

namespace kvd::bench {
namespace {

constexpr size_t kNodes = 3;

}  // namespace

EtcdCluster::EtcdCluster() : nodes_(kNodes) {
  for (size_t node = 0; node < nodes_.size(); ++node) Start(node);
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> endpoints;
  for (const Node& node : nodes_) endpoints.push_back(node.port.address());
  return endpoints;
}

std::vector<pid_t> EtcdCluster::pids() const {
  std::vector<pid_t> pids;
  for (const Node& node : nodes_) pids.push_back(node.process->pid());
  return pids;
}

std::string EtcdCluster::log_file(size_t node) const {
  return fmt::format("{}/e{}.log", folder_.path().string(), node);
}

std::string EtcdCluster::log(size_t node) const {
  return testing::ReadWholeFile(log_file(node));
}

void EtcdCluster::Start(size_t number) {
  std::string members;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    members += fmt::format("{}e{}=http://{}", i == 0 ? "" : ",", i, nodes_[i].peer_port.address());
  }
  Node& node = nodes_[number];
  const std::string client = "http://" + node.port.address();
  const std::string peer = "http://" + node.peer_port.address();
  node.process = std::make_unique<testing::Process>(testing::Process::Options{
      .command = {"etcd", "--name", fmt::format("e{}", number), "--data-dir",
                  fmt::format("{}/e{}", folder_.path().string(), number), "--listen-client-urls",
                  client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                  "--initial-advertise-peer-urls", peer, "--initial-cluster", members,
                  "--initial-cluster-state", "new", "--log-level", "error"},
      .log_file = log_file(number)});
}

}  // namespace kvd::bench
