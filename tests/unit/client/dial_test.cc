// DialFirst against plain sockets. The deadlines only bound a failing test.

#include "client/dial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "raw_server.h"

namespace kvd::client {
namespace {

using ::testing::IsEmpty;
using Behaviour = RawServer::Behaviour;

Deadline Patiently() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

DialCandidate At(size_t endpoint, const std::string& address) {
  return {endpoint, *config::HostPort::Parse(address)};
}

TEST(DialTest, FirstThatConnectsWins) {
  const RawServer refuses(Behaviour::kRefuses);
  const RawServer black_hole(Behaviour::kNeverConnects);
  const RawServer answers(Behaviour::kNeverAnswers);
  const auto outcome =
      DialFirst({At(0, refuses.address()), At(1, black_hole.address()), At(2, answers.address())},
                Patiently());
  ASSERT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.connected->endpoint, 2U);
  EXPECT_EQ(outcome.connected->target, "ipv4:" + answers.address());
  EXPECT_EQ(outcome.failures.at(0), "connection refused");
  EXPECT_EQ(outcome.failures.at(1), "no answer");
}

TEST(DialTest, OrderDecidesBetweenTwoThatAnswer) {
  const RawServer first(Behaviour::kNeverAnswers);
  const RawServer second(Behaviour::kNeverAnswers);
  const auto outcome = DialFirst({At(7, first.address()), At(8, second.address())}, Patiently());
  ASSERT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.connected->endpoint, 7U);
  EXPECT_THAT(outcome.failures, IsEmpty());
}

TEST(DialTest, NamesAreLookedUpAndEveryAddressTried) {
  const RawServer answers(Behaviour::kNeverAnswers);  // On 127.0.0.1 only, not on ::1.
  const std::string port = answers.address().substr(answers.address().rfind(':'));
  const auto outcome = DialFirst({At(0, "localhost" + port)}, Patiently());
  ASSERT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.connected->target, "ipv4:" + answers.address());
}

TEST(DialTest, AllFailedIsKnownWithoutWaiting) {
  const RawServer one(Behaviour::kRefuses);
  const RawServer two(Behaviour::kRefuses);
  const auto outcome = DialFirst({At(0, one.address()), At(1, two.address())}, Deadline::max());
  EXPECT_FALSE(outcome.connected);
  EXPECT_EQ(outcome.failures.size(), 2U);
}

TEST(DialTest, DeadlineEndsSilence) {
  const RawServer black_hole(Behaviour::kNeverConnects);
  const auto outcome = DialFirst({At(0, black_hole.address())},
                                 std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  EXPECT_FALSE(outcome.connected);
  EXPECT_EQ(outcome.failures.at(0), "no answer");
}

}  // namespace
}  // namespace kvd::client
