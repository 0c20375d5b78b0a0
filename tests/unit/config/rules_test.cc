// The rules across keys, each broken alone.

#include "config/rules.h"

#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kN1 = "name: n1, address: 'localhost:7400'";
constexpr const char* kN2 = "name: n2, address: 'localhost:7410'";
constexpr const char* kInsecure = "tls: { allow_insecure: true }\n";

std::string With(std::string_view node, std::string_view more) {
  return std::string(node) + ", " + std::string(more);
}

// N nodes on hosts of their own.
std::string Hosts(int count, std::string_view cluster) {
  std::string out =
      "version: 1\ncluster: {" + std::string(cluster) + "}\n" + kInsecure + "nodes:\n";
  for (int i = 0; i < count; ++i) {
    out += "  - { name: n" + std::to_string(i) + ", address: 'h" + std::to_string(i) + ":7400' }\n";
  }
  return out;
}

TEST(RulesTest, ReplicationIsAtMostTheNodesListedIfGiven) {
  EXPECT_THAT(Said(Hosts(1, "name: a")), IsEmpty());
  EXPECT_THAT(Said(Hosts(1, "name: a, replication: 1")), IsEmpty());
  EXPECT_THAT(Said(Hosts(2, "name: a, replication: 3")),
              ElementsAre("2:33: error: cluster.replication is 3 but only 2 nodes are listed"));
  EXPECT_THAT(Said(Hosts(1, "name: a, replication: 2")),
              ElementsAre(HasSubstr("but only 1 node is listed")));
  EXPECT_THAT(Said(Hosts(8, "name: a, partitions: 1024, replication: 8")),
              ElementsAre(HasSubstr("cluster.replication is 8, must be 1..7")));
}

TEST(RulesTest, PartitionsAreAPowerOfTwo) {
  EXPECT_THAT(Said(Hosts(1, "name: a, partitions: 300")),
              ElementsAre(HasSubstr("must be a power of two, like 256 or 512")));
  EXPECT_THAT(Said(Hosts(1, "name: a, partitions: 8")), ElementsAre(HasSubstr("16..16384")));
  EXPECT_THAT(Said(Hosts(1, "name: a, partitions: 16")), ElementsAre(HasSubstr("warning")));
}

TEST(RulesTest, TooFewPartitionsForTheNodesIsAWarning) {
  EXPECT_THAT(Said(Hosts(5, "name: a")), IsEmpty());
  EXPECT_THAT(
      Said(Hosts(6, "name: a")),
      ElementsAre(HasSubstr("warning: cluster.partitions is 256, too few to spread evenly "
                            "over 6 nodes; it cannot be changed later: write 512 or more")));
  EXPECT_THAT(Said(Hosts(6, "name: a, partitions: 512")), IsEmpty());
  EXPECT_THAT(Said(Hosts(300, "name: a, partitions: 16384")), IsEmpty());
}

TEST(RulesTest, NodesHaveALimit) {
  EXPECT_THAT(Said(Hosts(1001, "name: a, partitions: 16384")),
              ElementsAre(HasSubstr("nodes lists 1001, at most 1000")));
}

TEST(RulesTest, NamesAreUnique) {
  EXPECT_THAT(Said(FileOf({kN1, "name: n1, address: 'localhost:7410'"})),
              ElementsAre("5:12: error: two nodes are called 'n1' (first at 4:12)"));
}

TEST(RulesTest, OneZoneForAllIsAWarning) {
  EXPECT_THAT(
      Said(FileOf({With(kN1, "zone: a"), With(kN2, "zone: a")})),
      ElementsAre("4:3: warning: n1 and n2 share zone 'a': its loss stops every partition"));
  EXPECT_THAT(Said(FileOf({kN1, kN2}, "defaults: { zone: a }\n")),
              ElementsAre(HasSubstr("zone 'a'")));
  EXPECT_THAT(Said(FileOf({With(kN1, "zone: a"), With(kN2, "zone: b")})), IsEmpty());
  EXPECT_THAT(Said(FileOf({With(kN1, "zone: a"), kN2})), IsEmpty());
  EXPECT_THAT(Said(FileOf({With(kN1, "zone: a")})), IsEmpty());
}

TEST(RulesTest, AddressesAreUnique) {
  EXPECT_THAT(
      Said(FileOf({kN1, "name: n2, address: 'localhost:7400'"})),
      ElementsAre("5:25: error: address of n2 is localhost:7400, which clashes with address "
                  "of n1 (localhost:7400); give them different ports"));
}

TEST(RulesTest, DerivedPortsClashToo) {
  EXPECT_THAT(Said(FileOf({kN1, "name: n2, address: 'localhost:7401'"})),
              ElementsAre(HasSubstr("address of n2 is localhost:7401, which clashes with "
                                    "peer_address of n1")));
  EXPECT_THAT(Said(FileOf({kN1, "name: n2, address: '127.0.0.1:7480'"})),
              ElementsAre(HasSubstr("listen of n2 is 127.0.0.1:7480, which clashes with "
                                    "http_listen of n1")));
}

TEST(RulesTest, SharedListenerOnOneHostClashes) {
  EXPECT_THAT(Said(FileOf({kN1, kN2}, "defaults: { http_listen: '127.0.0.1:7480' }\n")),
              ElementsAre(HasSubstr("6:26: error: http_listen of n2")));
  EXPECT_THAT(Said(Hosts(2, "name: a") + "defaults: { http_listen: '127.0.0.1:7480' }\n"),
              IsEmpty());
}

TEST(RulesTest, WildcardClashesWithEveryInterface) {
  EXPECT_THAT(
      Said(FileOf({With(kN1, "listen: '0.0.0.0:9000', peer_listen: '127.0.0.1:9000'")}, kInsecure)),
      ElementsAre(HasSubstr("peer_listen of n1 is 127.0.0.1:9000, which clashes with listen "
                            "of n1 (0.0.0.0:9000)")));
  EXPECT_THAT(Said(FileOf({With(kN1, "listen: 'localhost:0', peer_listen: 'localhost:0'")})),
              IsEmpty());
}

TEST(RulesTest, DerivedPortsMustExist) {
  EXPECT_THAT(
      Said(FileOf({"name: n1, address: 'localhost:65500'"})),
      ElementsAre(HasSubstr("http_listen of n1 would be port 65500 + 80, which is no port")));
  EXPECT_THAT(Said(FileOf({"name: n1, address: 'localhost:65535', http_listen: ''"})),
              ElementsAre(HasSubstr("peer_address of n1 would be port 65535 + 1")));
  EXPECT_THAT(Said(FileOf({"name: n1, address: 'localhost:65500', http_listen: ''"})), IsEmpty());
}

TEST(RulesTest, NodesOfOneHostHaveDataDirectoriesOfTheirOwn) {
  EXPECT_THAT(Said(FileOf({kN1, kN2}, "defaults: { data_dir: /data }\n")),
              ElementsAre(HasSubstr("n1 and n2 are on one host and share data_dir '/data'; write "
                                    "${node} in it")));
  EXPECT_THAT(Said(FileOf({kN1, kN2}, "defaults: { data_dir: '/data/${node}' }\n")), IsEmpty());
  EXPECT_THAT(Said(Hosts(2, "name: a") + "defaults: { data_dir: /data }\n"), IsEmpty());
}

TEST(RulesTest, PlaintextStaysOnLoopbackUnlessAllowed) {
  const std::string remote = "name: n2, address: '10.0.0.2:7400'";
  EXPECT_THAT(
      Said(FileOf({kN1, remote})),
      ElementsAre(HasSubstr("5:25: error: n2 would speak plaintext on addresses that are not "
                            "loopback; set tls.mode: mutual, or write tls.allow_insecure")));
  EXPECT_THAT(Said(FileOf({kN1, remote}, kInsecure)), IsEmpty());
  EXPECT_THAT(Said(FileOf({With(kN1, "listen: '0.0.0.0:7400'")})),
              ElementsAre(HasSubstr("n1 would speak plaintext")));
  EXPECT_THAT(Said(FileOf({kN1, remote}, "tls: { mode: mutal }\n")),
              ElementsAre(HasSubstr("did you mean 'mutual'?")));
}

TEST(RulesTest, TlsNeedsItsFiles) {
  EXPECT_THAT(Said(MinimalAnd("tls: { mode: mutual, ca_file: /ca }\n")),
              ElementsAre("7:14: error: tls.mode is mutual, which needs tls.cert_file",
                          "7:14: error: tls.mode is mutual, which needs tls.key_file"));
  EXPECT_THAT(
      Said(MinimalAnd("tls: { ca_file: /ca, cert_file: /c, key_file: /k }\n")),
      ElementsAre(HasSubstr("tls.ca_file is given but tls.mode is not; write mode: mutual")));
}

TEST(RulesTest, RulesNeedIdentities) {
  const std::string rules = "auth: { rules: [{ identity: 'kvd://a/*', allow: [read] }] }\n";
  EXPECT_THAT(Said(MinimalAnd(rules)), ElementsAre(HasSubstr("auth.rules need tls.mode: mutual")));
  EXPECT_THAT(
      Said(MinimalAnd("tls: { mode: mutual, ca_file: /c, cert_file: /c, key_file: /k }\n" + rules)),
      IsEmpty());
}

TEST(RulesTest, RulesAllowSomething) {
  const auto said = [](const std::string& allow) {
    return Said(
        MinimalAnd("tls: { mode: mutual, ca_file: /c, cert_file: /c, key_file: /k }\n"
                   "auth: { rules: [{ identity: 'kvd://a/*', allow: " +
                   allow + " }] }\n"));
  };
  EXPECT_THAT(said("[]"), ElementsAre(HasSubstr("here is an empty list")));
  EXPECT_THAT(said("read"), ElementsAre(HasSubstr("here is a single value")));
  EXPECT_THAT(said("[read, read]"), ElementsAre(HasSubstr("names 'read' twice")));
  EXPECT_THAT(said("[reed]"), ElementsAre(HasSubstr("did you mean 'read'?")));
  EXPECT_THAT(said("[[read]]"), ElementsAre(HasSubstr("allow takes only read, write, admin")));
}

TEST(RulesTest, RequestTimeoutFitsItsMaximum) {
  EXPECT_THAT(
      Said(MinimalAnd("timeouts: { request: 40s }\n")),
      ElementsAre("7:22: error: timeouts.request is 40s, more than timeouts.request_max, 30s"));
}

TEST(RulesTest, OfAClusterThatExistsNotAllNodesNeedBeListed) {
  const std::string one = Hosts(1, "name: a, replication: 3");
  EXPECT_FALSE(Parse(one).file.has_value());
  EXPECT_TRUE(Parse(one, {.joins = true}).file.has_value());
  EXPECT_TRUE(
      Accepted(Hosts(1, "name: a, replication: 3, id: 6f1c2a9e-0b1d-4c3e-8f5a-112233445566"))
          .cluster.id.has_value());
}

TEST(RulesTest, MoreVotersThanNodesIsAWarning) {
  EXPECT_THAT(Said(MinimalAnd("topology: { voters: 5 }\n")),
              ElementsAre(HasSubstr("warning: topology.voters is 5 but only 3 nodes are listed")));
}

TEST(RulesTest, WhatCouldNotBeReadIsNotJudgedTwice) {
  EXPECT_THAT(Said(FileOf({"name: n1, address: nonsense", "name: n2, address: nonsense"})),
              Not(Contains(HasSubstr("clash"))));
  EXPECT_THAT(Said(Hosts(2, "name: a, replication: x")),
              ElementsAre(HasSubstr("not a whole number")));
}

}  // namespace
}  // namespace kvd::config
