#include "client/load/mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace kvd::load {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Refused(std::string_view text) {
  const auto mix = Mix::Parse(text);
  return mix.ok() ? "was taken" : Message(mix.status());
}

TEST(MixTest, SharesAreGivenByKindInAnyOrder) {
  const auto mix = Mix::Parse("update=20,read=75,rmw=4,insert=1");
  ASSERT_TRUE(mix.ok()) << mix.status();
  EXPECT_EQ(*mix, Mix({75, 20, 1, 4}));
  EXPECT_EQ(*Mix::Parse("read=100"), Mix({100, 0, 0, 0}));
}

TEST(MixTest, TextLeavesOutWhatDoesNotHappen) {
  EXPECT_EQ(Mix({95, 5, 0, 0}).ToString(), "95% read 5% update");
  EXPECT_EQ(Mix({0, 0, 1, 99}).ToString(), "1% insert 99% rmw");
}

TEST(MixTest, SharesSumToAHundred) {
  EXPECT_EQ(Refused("read=50,update=40"), "the shares sum to 90%, not 100%");
  EXPECT_EQ(Refused("read=50,update=60"), "the shares sum to 110%, not 100%");
  EXPECT_THAT(Refused("read=18446744073709551615"), HasSubstr("more than 100%"));
}

TEST(MixTest, MistakesAreNamed) {
  EXPECT_EQ(Refused("raed=100"),
            "'raed' is not one of read, update, insert, rmw; did you mean 'read'?");
  EXPECT_EQ(Refused("read"), "'read' is not KIND=PERCENT");
  EXPECT_EQ(Refused("read=50,"), "'' is not KIND=PERCENT");
  EXPECT_EQ(Refused("read=50,read=50"), "read is there twice");
  EXPECT_THAT(Refused("read=half,update=50"), HasSubstr("'half'"));
}

TEST(MixTest, ScansAreRefusedWithTheReason) {
  EXPECT_THAT(Refused("read=95,scan=5"), StartsWith("kvd has no scans: keys are placed by"));
}

TEST(MixTest, KindsComeAsOftenAsTheirShares) {
  const Mix mix({70, 20, 0, 10});
  Random random(7);
  std::map<Kind, int> drawn;
  for (int i = 0; i < 100'000; ++i) ++drawn[mix.Pick(random)];
  EXPECT_NEAR(drawn[Kind::kRead], 70'000, 1000);
  EXPECT_NEAR(drawn[Kind::kUpdate], 20'000, 1000);
  EXPECT_EQ(drawn[Kind::kInsert], 0);
  EXPECT_NEAR(drawn[Kind::kReadModifyWrite], 10'000, 1000);
}

}  // namespace
}  // namespace kvd::load
