#include "config/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace kvd::config {
namespace {

const std::vector<std::string> kKnown = {"name", "address", "peer_address", "listen", "zone"};

TEST(SuggestTest, NearestWordIsSuggested) {
  EXPECT_EQ(Suggest("adress", kKnown), "address");
  EXPECT_EQ(Suggest("peer_adress", kKnown), "peer_address");
  EXPECT_EQ(Suggest("zoen", kKnown), "zone");
  EXPECT_EQ(Suggest("lisen", kKnown), "listen");
}

TEST(SuggestTest, SwappedNeighboursAreOneMistake) {
  const std::vector<std::string> commands = {"put", "get", "del"};
  EXPECT_EQ(Suggest("gte", commands), "get");
}

TEST(SuggestTest, NothingNearMeansNoSuggestion) {
  EXPECT_EQ(Suggest("replication", kKnown), std::nullopt);
  EXPECT_EQ(Suggest("", kKnown), std::nullopt);
  EXPECT_EQ(Suggest("x", std::vector<std::string>{"y"}), std::nullopt);
  EXPECT_EQ(Suggest(std::string(100'000, 'a'), kKnown), std::nullopt);
}

TEST(SuggestTest, SuggestionIsAQuestion) {
  EXPECT_EQ(DidYouMean("adress", kKnown), "; did you mean 'address'?");
  EXPECT_EQ(DidYouMean("banana", kKnown), "");
}

}  // namespace
}  // namespace kvd::config
