// Clients that are not kvctl: Python, from the proto files alone, and the example of our library.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/binaries.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(ForeignClientTest, PythonTalksToTheProtocolAsWritten) {
  const Cluster cluster;
  const std::string source = KVD_SOURCE_DIR;
  const Finished ran =
      RunToEnd({.command = {KVD_PYTHON, "-B", source + "/tests/integration/python_client.py",
                            "--protoc", KVD_PROTOC, "--proto", source + "/proto", "--peer",
                            cluster.peer_address(1), cluster.address(1), cluster.address(2)}});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
}

TEST(ForeignClientTest, TheExampleOfTheLibraryRuns) {
  const Cluster cluster;
  for (int node = 1; node <= 3; ++node) {
    const Finished ran = RunToEnd({.command = {ExampleBinary(), cluster.address(node)}});
    EXPECT_EQ(ran.code, 0) << ran;
    EXPECT_THAT(ran.out, ContainsRegex("^put     version [0-9]+\nput     version [0-9]+\ntour    " +
                                       std::to_string(node) +
                                       "\nget     hello again\nring    "
                                       "partition [0-9]+ of 256, owned by n[123]\n"
                                       "delete  done\n$"));
  }
  const ReservedPort nobody;
  const Finished alone = RunToEnd({.command = {ExampleBinary(), nobody.address()}});
  EXPECT_EQ(alone.code, 1) << alone;
  EXPECT_THAT(alone.err, HasSubstr("connection refused"));
}

}  // namespace
}  // namespace kvd::testing
