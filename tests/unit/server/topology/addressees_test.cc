#include "server/topology/addressees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Topology kSeen = FoundTopology(UuidOf(0xcc), TermsOf(2), CardsOf(2));

TEST(AddresseesTest, NobodyIsKnownAtFirst) {
  EXPECT_THAT(AddresseesOf({}, nullptr, UuidOf(1)), IsEmpty());
}

TEST(AddresseesTest, ANodeIsCalledByItsNameAndABareAddressByItself) {
  EXPECT_THAT(AddresseesOf({{"n1", "10.0.0.1:7401"}, {"", "10.0.0.2:7401"}}, nullptr, UuidOf(9)),
              ElementsAre(Addressee{"n1", {"n1", "10.0.0.1:7401"}},
                          Addressee{"10.0.0.2:7401", {"", "10.0.0.2:7401"}}));
}

TEST(AddresseesTest, MembersAreAddedButSelf) {
  EXPECT_THAT(AddresseesOf({}, &kSeen, UuidOf(2)),
              ElementsAre(Addressee{"n1", {"n1", CardOf(1).peer_address}}));
}

TEST(AddresseesTest, OneWhoIsKnownIsGreetedOnce) {
  EXPECT_THAT(AddresseesOf({{"n1", CardOf(1).peer_address}, {"", CardOf(2).peer_address}}, &kSeen,
                           UuidOf(9)),
              ElementsAre(Addressee{"n1", {"n1", CardOf(1).peer_address}},
                          Addressee{CardOf(2).peer_address, {"", CardOf(2).peer_address}}));
}

TEST(AddresseesTest, ANodeThatMayBeAtTwoAddressesIsGreetedAtBoth) {
  EXPECT_THAT(AddresseesOf({{"n1", "10.0.0.1:7401"}}, &kSeen, UuidOf(2)),
              ElementsAre(Addressee{"n1", {"n1", "10.0.0.1:7401"}},
                          Addressee{CardOf(1).peer_address, {"n1", CardOf(1).peer_address}}));
}

}  // namespace
}  // namespace kvd::topology
