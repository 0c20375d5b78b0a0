// The sample is a cluster file that runs as printed, but for ports that others may have.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/port_block.h"
#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

constexpr int kNodes = 3;

std::string PrintSample() {
  const Finished printed = RunToEnd({.command = {KvdBinary(), "--print-config=sample"}});
  EXPECT_EQ(printed.code, 0) << printed;
  return printed.out;
}

void Replace(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

TEST(SampleTest, IsRightAsPrintedAndSaysNothingElse) {
  const TempFolder folder;
  const std::string file = (folder.path() / "cluster.yaml").string();
  WriteWholeFile(file, PrintSample());
  const Finished check = RunToEnd({.command = {KvdBinary(), "--config", file, "--check-config"}});
  EXPECT_EQ(check.code, 0) << check;
  EXPECT_EQ(check.err, "");
}

TEST(SampleTest, RunsAsPrintedButForItsPortsAndItsFolder) {
  const TempFolder folder;
  const PortBlock ports(kNodes);
  std::string text = PrintSample();
  Replace(text, "/var/lib/kvd", folder.path().string());
  Replace(text, "127.0.0.1:7401", "127.0.0.1:" + std::to_string(ports.port(1) + 1));
  for (const auto& [node, port] : {std::pair{1, "7400"}, {2, "7410"}, {3, "7420"}}) {
    Replace(text, std::string("127.0.0.1:") + port, ports.address(node));
  }
  const std::string file = (folder.path() / "cluster.yaml").string();
  WriteWholeFile(file, text);

  std::vector<std::unique_ptr<Process>> nodes;
  for (int node = 1; node <= kNodes; ++node) {
    const std::vector<std::string> command = {KvdBinary(), "--config", file, "--node",
                                              NodeName(node)};
    std::vector<std::string> check = command;
    check.emplace_back("--check-config");
    EXPECT_EQ(RunToEnd({.command = check}).code, 0);
    nodes.push_back(std::make_unique<Process>(Process::Options{.command = command}));
  }
  const client::Client client = ClientAt(ports.first());
  EXPECT_TRUE(Eventually([&] { return client.Put("key", "value").ok(); }))
      << nodes[0]->err() << nodes[1]->err() << nodes[2]->err();
}

}  // namespace
}  // namespace kvd::testing
