#include "server/node/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/server/topology/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr NodeId kN1{1};
constexpr NodeId kN2{2};
constexpr NodeId kN3{3};
constexpr NodeId kN4{4};

// n1 to n3 are the voters of four nodes.
class WitnessesTest : public ::testing::Test {
 protected:
  void Tell(NodeId from, std::map<NodeId, Duration> silent) {
    witnesses_.Take(from, {.asked_in = 1, .silent = std::move(silent), .disk = {}}, now_);
  }

  [[nodiscard]] topology::Silences Agreed() const {
    return witnesses_.Agreed(topology_, {kN1, kN2, kN3}, now_);
  }

  const topology::Topology topology_ = topology::FoundedBy(4);
  Instant now_ = Instant{} + 1h;
  Witnesses witnesses_;
};

TEST_F(WitnessesTest, ASilenceIsAgreedByAMajorityOfTheVoters) {
  Tell(kN1, {{kN3, 40s}});
  EXPECT_THAT(Agreed(), IsEmpty());
  Tell(kN2, {{kN3, 10s}});
  EXPECT_THAT(Agreed(), ElementsAre(Pair(kN3, Duration(10s)))) << "the shorter one is shared";
}

// Five are wished to vote, and three of them are lost before they do: those who vote have to say
// so.
TEST_F(WitnessesTest, ThoseWhoAreAskedMayBeOthersThanAreWished) {
  const topology::Topology wishes = topology::FoundedBy(7);
  Tell(kN1, {{kN4, 40s}});
  Tell(kN2, {{kN4, 40s}});
  EXPECT_THAT(witnesses_.Agreed(wishes, {kN1, kN2, kN3}, now_), ElementsAre(Pair(kN4, _)));
}

TEST_F(WitnessesTest, WhoDoesNotVoteIsNotAsked) {
  Tell(kN1, {{kN3, 40s}});
  Tell(kN4, {{kN3, 40s}});
  EXPECT_THAT(Agreed(), IsEmpty());
}

TEST_F(WitnessesTest, ASilenceGoesOnUntilItIsToldOtherwise) {
  Tell(kN1, {{kN4, 40s}});
  Tell(kN2, {{kN4, 40s}});
  now_ += 5s;
  EXPECT_THAT(Agreed(), ElementsAre(Pair(kN4, Duration(45s))));
  Tell(kN2, {});
  EXPECT_THAT(Agreed(), IsEmpty());
}

TEST_F(WitnessesTest, AVoterThatIsSilentItselfAgreesToNothing) {
  Tell(kN1, {{kN4, 40s}});
  Tell(kN2, {{kN4, 40s}});
  now_ += 21s;
  Tell(kN1, {{kN4, 61s}});
  EXPECT_THAT(Agreed(), IsEmpty());
}

}  // namespace
}  // namespace kvd::node
