// Three nodes on hosts web1..web3; each test is one machine asking who it is.

#include "config/which_node.h"

#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::HasSubstr;

class WhichNodeTest : public ::testing::Test {
 protected:
  static StatusOr<size_t> Ask(const ClusterFile& file, const Whereabouts& here) {
    return WhichNode(file, "/etc/kvd/cluster.yaml", here);
  }

  const ClusterFile file_ =
      Accepted(FileOf({"name: n1, address: '10.0.0.1:7400'", "name: web2, address: '10.0.0.2:7400'",
                       "name: n3, address: '[fd00::3]:7400'"},
                      "tls: { allow_insecure: true }\n"));
};

TEST_F(WhichNodeTest, FlagBeatsEverything) {
  EXPECT_EQ(*Ask(file_, {.node_flag = "n3",
                         .node_environment = "n1",
                         .short_host_name = "web2",
                         .local_addresses = {"10.0.0.1"}}),
            2U);
}

TEST_F(WhichNodeTest, EnvironmentBeatsTheMachine) {
  const Whereabouts here{.node_environment = "n1", .short_host_name = "web2"};
  EXPECT_EQ(*Ask(file_, here), 0U);
}

TEST_F(WhichNodeTest, EmptyEnvironmentIsNotGiven) {
  EXPECT_EQ(*Ask(file_, {.node_environment = "", .short_host_name = "web2"}), 1U);
}

TEST_F(WhichNodeTest, NameThatWasSaidAndIsNotListedIsAnError) {
  EXPECT_EQ(
      Message(Ask(file_, {.node_flag = "n4", .node_environment = "n1", .short_host_name = "web2"})
                  .status()),
      "--node 'n4' is none of n1, web2, n3 in /etc/kvd/cluster.yaml; did you mean 'n1'?");
  EXPECT_THAT(Message(Ask(file_, {.node_environment = "x9z", .short_host_name = ""}).status()),
              HasSubstr("KVD_NODE 'x9z' is none of"));
}

TEST_F(WhichNodeTest, OnlyEntryNeedsNoName) {
  const ClusterFile one = Accepted(FileOf({"name: n1, address: 'localhost:7400'"}));
  EXPECT_EQ(*Ask(one, {}), 0U);
}

TEST_F(WhichNodeTest, HostNameBeatsTheInterfaces) {
  EXPECT_EQ(*Ask(file_, {.short_host_name = "Web2",
                         .full_host_name = "web2.example.net",
                         .local_addresses = {"10.0.0.1"}}),
            1U);
}

TEST_F(WhichNodeTest, AddressOnALocalInterfaceDecides) {
  EXPECT_EQ(*Ask(file_, {.short_host_name = "web7",
                         .full_host_name = "web7.example.net",
                         .local_addresses = {"127.0.0.1", "::1", "FD00:0:0::3"}}),
            2U);
}

TEST_F(WhichNodeTest, NoAnswerIsAnErrorThatNamesTheHostAndTheNodes) {
  EXPECT_EQ(Message(Ask(file_, {.short_host_name = "web7",
                                .full_host_name = "web7.example.net",
                                .local_addresses = {"10.0.0.7"}})
                        .status()),
            "which node is this? no --node, and host 'web7' is none of n1, web2, n3 in "
            "/etc/kvd/cluster.yaml");
}

TEST_F(WhichNodeTest, SeveralNodesOnOneHostLeaveDoubt) {
  EXPECT_EQ(
      Message(Ask(Accepted(kMinimal), {.short_host_name = "web7", .local_addresses = {"127.0.0.1"}})
                  .status()),
      "which node is this? no --node, and n1, n2, n3 in /etc/kvd/cluster.yaml all have an "
      "address of host 'web7'");
}

}  // namespace
}  // namespace kvd::config
