// Links are held to what TCP promises: two processes, one link, a bad network.

#include "tests/simulation/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr HostId kA{0};
constexpr HostId kB{1};

class User : public LinkUser {
 public:
  bool IsPaused() const override { return false; }
  void OnLinkUp(NodeId) override { ++up; }
  void OnLinkDown(NodeId) override { ++down; }
  void OnRefused(NodeId) override { ++refused; }
  void OnFrame(NodeId, const node::Frame& frame) override {
    for (const auto& reply : frame.replies) got.push_back(reply.id);
  }
  void OnNotSent(const std::vector<uint64_t>& ids) override { not_sent = ids; }

  int up = 0;
  int down = 0;
  int refused = 0;
  std::vector<uint64_t> got;
  std::vector<uint64_t> not_sent;
};

class LinksTest : public ::testing::Test {
 protected:
  LinksTest() {
    links_.Attach(kA, "a", uuid_a_, a_);
    links_.Attach(kB, "b", uuid_b_, b_);
    links_.SetTargets(kA, TargetsOfA());
    links_.SetTargets(
        kB, {.cluster_id = cluster_,
             .targets = {{.id = NodeId{1}, .uuid = uuid_a_, .name = "a", .peer_address = "a"}}});
  }

  node::LinkSet TargetsOfA() const {
    return {
        .cluster_id = cluster_,
        .targets = {
            {.id = NodeId{2}, .uuid = uuid_b_, .name = "b", .peer_address = "b", .dial = true}}};
  }

  void RunFor(Duration time) {
    bool over = false;
    world_.After(time, [&] { over = true; });
    while (!over && world_.Step()) {
    }
  }

  static node::Frame Numbered(uint64_t id) {
    node::Frame frame;
    frame.replies.push_back({.id = id, .result = node::Absent{}});
    return frame;
  }

  World world_{7, false};
  Swarm swarm_{.delay_min = std::chrono::milliseconds(1),
               .delay_max = std::chrono::milliseconds(50),
               .loss_ppm = 200'000,
               .link_timeout = std::chrono::seconds(3)};
  Network network_{world_, swarm_};
  Links links_{world_, network_, swarm_};
  Uuid cluster_ = Uuid::Draw(world_.random());
  Uuid uuid_a_ = Uuid::Draw(world_.random());
  Uuid uuid_b_ = Uuid::Draw(world_.random());
  User a_;
  User b_;
};

TEST_F(LinksTest, FramesArriveAllAndInOrder) {
  RunFor(std::chrono::seconds(5));
  for (uint64_t id = 1; id <= 5; ++id) links_.Send(kA, NodeId{2}, Numbered(id));
  RunFor(std::chrono::seconds(30));
  EXPECT_THAT(b_.got, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(LinksTest, FramesWaitBehindACut) {
  RunFor(std::chrono::seconds(5));
  network_.Cut(kA, kB);
  links_.Send(kA, NodeId{2}, Numbered(1));
  RunFor(std::chrono::seconds(1));
  EXPECT_THAT(b_.got, IsEmpty());
  network_.Heal();
  RunFor(std::chrono::seconds(5));
  EXPECT_THAT(b_.got, ElementsAre(1));
}

TEST_F(LinksTest, ALongCutBreaksALinkThatIsUsedAndItComesBack) {
  RunFor(std::chrono::seconds(5));
  network_.Cut(kA, kB);
  links_.Send(kA, NodeId{2}, Numbered(1));
  RunFor(std::chrono::seconds(30));
  EXPECT_EQ(a_.down, 1);
  EXPECT_EQ(b_.down, 1);
  network_.Heal();
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.up, 2);
  EXPECT_EQ(b_.up, 2);
  EXPECT_THAT(b_.got, IsEmpty());
}

TEST_F(LinksTest, ADeadProcessBreaksItsLinksAndRefuses) {
  RunFor(std::chrono::seconds(5));
  links_.Detach(kB);
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.down, 1);
  EXPECT_GT(a_.refused, 0);
}

TEST_F(LinksTest, WhoIsNoTargetAnyMoreIsCutOffAndNotHeard) {
  RunFor(std::chrono::seconds(5));
  links_.Send(kB, NodeId{1}, Numbered(1));
  links_.SetTargets(kA, {.cluster_id = cluster_, .targets = {}});
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.down, 1);
  EXPECT_EQ(b_.down, 1);
  EXPECT_THAT(a_.got, IsEmpty());
  links_.SetTargets(kA, TargetsOfA());
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.up, 2);
  EXPECT_EQ(b_.up, 2);
}

TEST_F(LinksTest, ATargetThatIsWhatItWasKeepsItsLink) {
  RunFor(std::chrono::seconds(5));
  links_.SetTargets(kA, TargetsOfA());
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.up, 1);
  EXPECT_EQ(a_.down, 0);
}

TEST_F(LinksTest, AChangedTargetIsDialledAnew) {
  RunFor(std::chrono::seconds(5));
  node::LinkSet moved = TargetsOfA();
  moved.targets.front().peer_address = "elsewhere";
  moved.targets.front().other_address = "b";  // Where it still is.
  links_.SetTargets(kA, moved);
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.up, 2);
  EXPECT_EQ(a_.down, 1);
}

TEST_F(LinksTest, SomebodyElseAtTheAddressIsNotWhomItDialled) {
  RunFor(std::chrono::seconds(5));
  node::LinkSet wiped = TargetsOfA();
  wiped.targets.front().uuid = Uuid::Draw(world_.random());
  links_.SetTargets(kA, wiped);
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(a_.up, 1);
  EXPECT_EQ(a_.refused, 0) << "somebody listens";
}

TEST_F(LinksTest, WithoutALinkForwardsAreNotSent) {
  node::Frame frame;
  frame.forwards.emplace_back().id = 9;
  links_.Send(kA, NodeId{2}, std::move(frame));
  EXPECT_THAT(a_.not_sent, ElementsAre(9));
}

}  // namespace
}  // namespace kvd::simulation
