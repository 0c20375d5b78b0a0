#include "tests/support/cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <utility>

#include "common/check.h"
#include "tests/support/binaries.h"
#include "tests/support/eventually.h"

namespace kvd::testing {

Cluster::Cluster(const Options& options)
    : founders_(options.founders == 0 ? options.nodes : options.founders),
      partitions_(options.partitions),
      divided_(options.divided),
      http_listen_(options.http ? "127.0.0.1:0" : ""),
      nodes_(static_cast<size_t>(options.nodes)) {
  WriteWholeFile(file(), FileText(options.settings));
  WriteWholeFile(file_of_joiners(), ListOf(size(), options.settings));
  if (!options.start) return;
  StartAll();
  AwaitReady();
  AwaitPreferredOwners();
}

Cluster::~Cluster() {
  if (!::testing::Test::HasFailure()) return;
  for (int node = 1; node <= size(); ++node) {
    std::cout << "---- log of " << NodeName(node) << "\n" << log(node);
  }
}

void Cluster::Start(int node) {
  At(node).process = std::make_unique<Process>(
      Process::Options{.command = Command(node), .log_file = log_path(node).string()});
}

void Cluster::StartAll() {
  for (int node = 1; node <= founders_; ++node) Start(node);
}

void Cluster::Kill(int node) {
  At(node).process->Signal(SIGKILL);
  EXPECT_EQ(At(node).process->Wait(kPatience), 128 + SIGKILL) << NodeName(node);
  At(node).process.reset();
}

int Cluster::Stop(int node) {
  At(node).process->Signal(SIGTERM);
  return AwaitEnd(node);
}

int Cluster::AwaitEnd(int node) {
  const auto code = At(node).process->Wait(kPatience);
  EXPECT_TRUE(code.has_value()) << NodeName(node) << " does not stop";
  At(node).process.reset();
  return code.value_or(-1);
}

void Cluster::Freeze(int node) {
  At(node).process->Signal(SIGSTOP);
}

void Cluster::Thaw(int node) {
  At(node).process->Signal(SIGCONT);
}

bool Cluster::AllSeenAsTheyAre() const {
  for (int observer = 1; observer <= size(); ++observer) {
    if (At(observer).process == nullptr) continue;
    const auto status = ClientOf(observer).GetStatus();
    if (!status.ok() || !status->waiting_for.empty()) return false;
    for (const auto& seen : status->nodes) {
      const int node = std::stoi(seen.name.substr(1));
      const bool runs = At(node).process != nullptr;
      if (runs != (seen.state == client::NodeState::kUp)) return false;
    }
  }
  return true;
}

void Cluster::AwaitReady() {
  bool ended = false;
  const bool settled = Eventually([&] {
    ended = std::ranges::any_of(nodes_, [](const Node& node) {
      return node.process != nullptr && node.process->Wait(Duration::zero()).has_value();
    });
    return ended || AllSeenAsTheyAre();
  });
  EXPECT_TRUE(settled && !ended) << (ended ? "a node has ended" : "the cluster is not ready");
}

bool Cluster::AllOwnedAsPreferred() const {
  for (int node = 1; node <= size(); ++node) {
    if (At(node).process == nullptr) continue;
    const auto ring = ClientOf(node).GetRing();
    if (!ring.ok()) return false;
    for (const auto& partition : ring->partitions) {
      if (partition.leaderless || partition.owner != partition.replicas.front()) return false;
    }
  }
  return true;
}

void Cluster::AwaitPreferredOwners() const {
  EXPECT_TRUE(Eventually([&] { return AllOwnedAsPreferred(); })) << "some node owns too little";
}

client::NodeState Cluster::StateOf(int of, int as_seen_by) const {
  const auto status = ClientOf(as_seen_by).GetStatus();
  if (!status.ok()) return client::NodeState::kUnknown;
  const auto it = std::ranges::find(status->nodes, NodeName(of), &client::NodeStatus::name);
  return it == status->nodes.end() ? client::NodeState::kUnknown : it->state;
}

client::Client Cluster::ClientOf(int node) const {
  return ClientAt(address(node));
}

Finished Cluster::Kvctl(std::vector<std::string> words, const std::string& in) const {
  words.insert(words.begin(), {"-e", endpoints()});
  auto options = KvctlCommand(std::move(words));
  options.in = in;
  return RunToEnd(options);
}

Finished Cluster::KvctlAt(int node, std::vector<std::string> words, const std::string& in) const {
  words.insert(words.begin(), {"-e", address(node)});
  auto options = KvctlCommand(std::move(words));
  options.in = in;
  return RunToEnd(options);
}

std::string Cluster::http_address(int node) const {
  constexpr std::string_view kField = " http_address=";
  const std::string text = log(node);
  const size_t at = text.rfind(kField);
  if (at == std::string::npos) return {};
  const size_t begin = at + kField.size();
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

std::string Cluster::endpoints() const {
  std::string all;
  for (int node = 1; node <= size(); ++node) {
    all += fmt::format("{}{}", node == 1 ? "" : ",", address(node));
  }
  return all;
}

std::filesystem::path Cluster::data_dir(int node) const {
  return folder() / NodeName(node);
}

std::filesystem::path Cluster::log_path(int node) const {
  return folder() / (NodeName(node) + ".log");
}

std::string Cluster::log(int node) const {
  return ReadWholeFile(log_path(node));
}

std::string Cluster::FileText(const std::string& settings) const {
  return ListOf(founders_, settings);
}

std::string Cluster::ListOf(int nodes, const std::string& settings) const {
  const std::string more = partitions_ == 0 ? "" : fmt::format(", partitions: {}", partitions_);
  std::string text = fmt::format("version: 1\ncluster: {{ name: demo{} }}\nnodes:\n", more);
  for (int node = 1; node <= nodes; ++node) {
    const std::string shards = divided_ ? fmt::format(", shards: {}", node) : "";
    text += fmt::format("  - {{ name: {}, address: \"{}\", peer_address: \"{}\"{} }}\n",
                        NodeName(node), address(node), peer_address(node), shards);
  }
  text += fmt::format("defaults: {{ data_dir: '{}/${{node}}', http_listen: \"{}\" }}\n",
                      folder().string(), http_listen_);
  return text + settings;
}

std::vector<std::string> Cluster::Command(int node) const {
  const auto& list = node > founders_ ? file_of_joiners() : file();
  return {KvdBinary(), "--config", list.string(), "--node", NodeName(node), "--log-format", "text"};
}

std::string NodeName(int node) {
  return fmt::format("n{}", node);
}

client::Client ClientAt(const std::string& endpoint) {
  auto client =
      client::Client::Open({.endpoints = {endpoint}, .timeout = std::chrono::seconds(25)});
  KVD_CHECK(client.ok(), "open a client of " + endpoint);
  return *std::move(client);
}

Process::Options KvctlCommand(std::vector<std::string> words) {
  words.insert(words.begin(), {KvctlBinary(), "--timeout", "25s"});
  return {.command = std::move(words)};
}

}  // namespace kvd::testing
