#include "config/facts.h"

#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MATCHER_P2(Says, key, value, "") {
  return arg.key == key && arg.value == value;
}

TEST(FactsTest, DefaultsAreFactsToo) {
  const auto facts = Facts(Accepted(kMinimal));
  EXPECT_THAT(facts, Contains(Says("cluster.name", "\"demo\"")));
  EXPECT_THAT(facts, Contains(Says("cluster.partitions", "256")));
  EXPECT_THAT(facts, Contains(Says("nodes.n2.address", "\"127.0.0.1:7410\"")));
  EXPECT_THAT(facts, Contains(Says("topology.remove_after", "5m")));
  EXPECT_THAT(facts, Contains(Says("storage.min_free", "5%")));
}

TEST(FactsTest, FilesThatMeanTheSameDoNotDiffer) {
  EXPECT_THAT(Compare(Accepted(kMinimal), Accepted(MinimalAnd("timeouts: { request: 2000ms }\n"))),
              IsEmpty());
}

TEST(FactsTest, EachDifferenceNamesBothValues) {
  const ClusterFile before = Accepted(kMinimal);
  const ClusterFile after = Accepted(
      "version: 1\ncluster: { name: demo, partitions: 512, replication: 2 }\nnodes:\n"
      "  - { name: n1, address: 'localhost:7400' }\n"
      "  - { name: n2, address: '127.0.0.1:7410' }\n");
  EXPECT_THAT(Compare(before, after),
              ElementsAre(Change{"cluster.partitions", "256", "512"},
                          Change{"cluster.replication", "not given", "2"},
                          Change{"nodes.n1.address", "\"127.0.0.1:7400\"", "\"localhost:7400\""},
                          Change{"nodes.n3.address", "\"127.0.0.1:7420\"", "not given"},
                          Change{"nodes.n3.name", "\"n3\"", "not given"}));
}

}  // namespace
}  // namespace kvd::config
