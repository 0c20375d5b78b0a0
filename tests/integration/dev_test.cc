// kvd --dev: a cluster to try things on, gone without a trace when it is stopped. It listens on
// fixed ports, by default from 7400; the tests move them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kPortStep = 10;

// The ports of `nodes` nodes of a --dev, free and kept free.
class PortBlock {
 public:
  explicit PortBlock(int nodes) {
    Random random(static_cast<uint64_t>(getpid()));
    while (!TryAt(static_cast<uint16_t>(random.Between(10'000, 30'000)), nodes)) continue;
  }

  [[nodiscard]] const std::string first() const { return ports_.front().address(); }
  [[nodiscard]] std::string address(int node) const {
    return ports_.at(static_cast<size_t>(2 * (node - 1))).address();
  }

 private:
  bool TryAt(uint16_t first, int nodes) {
    ports_.clear();
    for (int node = 0; node < nodes; ++node) {
      for (const int offset : {0, 1}) {
        auto port = ReservedPort::At(static_cast<uint16_t>(first + node * kPortStep + offset));
        if (!port) return false;
        ports_.push_back(*std::move(port));
      }
    }
    return true;
  }

  std::vector<ReservedPort> ports_;
};

class DevTest : public ::testing::TestWithParam<int> {};

TEST_P(DevTest, ServesUntilInterruptedAndLeavesNothingBehind) {
  const int nodes = GetParam();
  const PortBlock ports(nodes);
  const TempFolder tmp;
  Process dev({.command = {KvdBinary(), "--dev", "--nodes", std::to_string(nodes), "--listen",
                           ports.first()},
               .environment = {"TMPDIR=" + tmp.path().string()}});
  for (int node = 1; node <= nodes; ++node) {
    const client::Client client = ClientAt(ports.address(node));
    EXPECT_TRUE(Eventually([&] { return client.Put("key", "value").ok(); })) << dev.err();
  }
  const Finished status = RunToEnd(KvctlCommand(
      {"-e", ports.address(nodes), "wait", "--ready", "--nodes", std::to_string(nodes)}));
  EXPECT_EQ(status.code, 0) << status;
  EXPECT_THAT(dev.out(), HasSubstr(ports.address(nodes)));
  EXPECT_FALSE(std::filesystem::is_empty(tmp.path()));

  dev.Signal(SIGINT);
  EXPECT_EQ(dev.Wait(kPatience), 0) << dev.err();
  EXPECT_TRUE(std::filesystem::is_empty(tmp.path()));
}

INSTANTIATE_TEST_SUITE_P(Nodes, DevTest, ::testing::Values(1, 3),
                         [](const auto& nodes) { return std::to_string(nodes.param); });

TEST(DevTest, ATakenPortEndsItAndLeavesNothingBehind) {
  const PortBlock ports(1);
  const ReservedPort taken;
  taken.Listen();
  const TempFolder tmp;
  const Finished refused = RunToEnd({.command = {KvdBinary(), "--dev", "--listen", taken.address()},
                                     .environment = {"TMPDIR=" + tmp.path().string()}});
  EXPECT_EQ(refused.code, 69) << refused;
  EXPECT_TRUE(std::filesystem::is_empty(tmp.path()));
}

}  // namespace
}  // namespace kvd::testing
