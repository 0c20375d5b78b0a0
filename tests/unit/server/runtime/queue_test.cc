// The queue between threads. Those that wait are woken by what they wait for, never by a clock.

#include "server/runtime/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace kvd::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant kPast = Instant::min();
constexpr Instant kForever = Instant::max();

TEST(QueueTest, EverythingIsTakenInOrder) {
  Queue<int> queue;
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(queue.Push(i));
  EXPECT_THAT(queue.TakeAll(kForever), ElementsAre(1, 2, 3));
  EXPECT_THAT(queue.TakeAll(Instant{}), IsEmpty());
}

TEST(QueueTest, DeadlineThatHasPassedDoesNotWait) {
  Queue<int> queue;
  EXPECT_THAT(queue.TakeAll(Instant{}), IsEmpty());
  EXPECT_THAT(queue.TakeAll(kPast), IsEmpty());
}

TEST(QueueTest, CapacityBoundsWhatIsTried) {
  Queue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_TRUE(queue.Push(4)) << "whoever is bounded elsewhere is not bounded here";
  EXPECT_FALSE(queue.TryPush(5));
  EXPECT_THAT(queue.TakeAll(kForever), ElementsAre(1, 2, 4));
  EXPECT_TRUE(queue.TryPush(6)) << "taking makes room";
}

TEST(QueueTest, ClosedQueueTakesNothingInAndGivesOutWhatItHas) {
  Queue<int> queue;
  queue.Push(1);
  EXPECT_FALSE(queue.IsFinished());
  queue.Close();
  EXPECT_FALSE(queue.Push(2));
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_FALSE(queue.IsFinished()) << "something is left to be taken";
  EXPECT_THAT(queue.TakeAll(kForever), ElementsAre(1));
  EXPECT_TRUE(queue.IsFinished());
  EXPECT_THAT(queue.TakeAll(kForever), IsEmpty()) << "nothing will ever come, nobody waits";
}

TEST(QueueTest, ItemsMayBeMoveOnly) {
  Queue<std::unique_ptr<int>> queue;
  queue.Push(std::make_unique<int>(7));
  EXPECT_EQ(*queue.TakeAll(kForever).front(), 7);
}

TEST(QueueTest, ConsumerThatWaitsIsWokenByAnItem) {
  Queue<int> queue;
  std::vector<int> taken;
  std::thread consumer([&] { taken = queue.TakeAll(kForever); });
  queue.Push(1);
  consumer.join();
  EXPECT_THAT(taken, ElementsAre(1));
}

TEST(QueueTest, ConsumerThatWaitsIsWokenByClose) {
  Queue<int> queue;
  std::thread consumer([&] { EXPECT_THAT(queue.TakeAll(kForever), IsEmpty()); });
  queue.Close();
  consumer.join();
}

TEST(QueueTest, NothingIsLostAndEachProducersOrderIsKept) {
  constexpr int kProducers = 4;
  constexpr int kItems = 5000;
  Queue<std::pair<int, int>> queue;
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kItems; ++i) queue.Push({p, i});
    });
  }
  std::vector<int> next(kProducers);
  for (int taken = 0; taken < kProducers * kItems;) {
    for (const auto& [producer, item] : queue.TakeAll(kForever)) {
      ASSERT_EQ(item, next[producer]++);
      ++taken;
    }
  }
  for (std::thread& producer : producers) producer.join();
}

}  // namespace
}  // namespace kvd::runtime
