// kvd --dev: a cluster to try things on, gone without a trace when it is stopped. It listens on
// fixed ports, by default from 7400; the tests move them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/port_block.h"
#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;

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
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("in use by pid " + std::to_string(getpid())));
  EXPECT_TRUE(std::filesystem::is_empty(tmp.path()));
}

TEST(DevTest, OneTakenPortOfSeveralIsNoInvitation) {
  PortBlock ports(3);
  ports.Take(2);
  const TempFolder tmp;
  const Finished refused =
      RunToEnd({.command = {KvdBinary(), "--dev", "--nodes", "3", "--listen", ports.first()},
                .environment = {"TMPDIR=" + tmp.path().string()}});
  EXPECT_EQ(refused.code, 69) << refused;
  EXPECT_EQ(refused.out, "");
  EXPECT_TRUE(std::filesystem::is_empty(tmp.path()));
}

// What it says to try, it serves by then: the ports are bound before it speaks.
TEST(DevTest, WhatItSaysOnStdoutIsTrueAtOnce) {
  const PortBlock ports(1);
  const TempFolder tmp;
  const Process dev({.command = {KvdBinary(), "--dev", "--listen", ports.first()},
                     .environment = {"TMPDIR=" + tmp.path().string()}});
  ASSERT_TRUE(Eventually([&] { return dev.out().find("try: ") != std::string::npos; }));
  const Finished ping = RunToEnd(KvctlCommand({"-e", ports.first(), "ping"}));
  EXPECT_EQ(ping.code, 0) << ping;
}

}  // namespace
}  // namespace kvd::testing
