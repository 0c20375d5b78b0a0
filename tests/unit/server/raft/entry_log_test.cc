// A log is written as the terms of its entries, from index 1 on. Every payload has 10 bytes.

#include "server/raft/entry_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::raft {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kMuch = 1U << 20U;
const uint64_t kEntryBytes = BytesOf({.index = 1, .term = 1, .payload = std::string(10, 'x')});

storage::Entry EntryOf(Index index, Term term) {
  return {.index = index, .term = term, .payload = std::string(10, 'x')};
}

EntryLog LogOf(const std::vector<Term>& terms, uint64_t cache_bytes = kMuch) {
  Restored restored;
  restored.terms = {{0, 0}};
  restored.last = terms.size();
  for (const Term term : terms) {
    restored.tail.push_back(EntryOf(restored.tail.size() + 1, term));
  }
  return {restored, cache_bytes};
}

auto IndexIs(Index index) {
  return Field(&storage::Entry::index, index);
}

TEST(EntryLogTest, KnowsTheTermOfEveryEntryAndOfTheOneBeforeThem) {
  const EntryLog log = LogOf({1, 1, 4});
  EXPECT_EQ(log.TermAt(0), 0U);
  EXPECT_EQ(log.TermAt(2), 1U);
  EXPECT_EQ(log.TermAt(3), 4U);
  EXPECT_EQ(log.TermAt(4), std::nullopt);
}

TEST(EntryLogTest, RestoredLogKnowsTermsBelowItsTail) {
  const EntryLog log({.hard_state = {},
                      .configuration = {},
                      .applied = 12,
                      .first = 10,
                      .last = 14,
                      .terms = {{9, 2}, {11, 3}, {14, 5}},
                      .tail = {EntryOf(13, 3), EntryOf(14, 5)}},
                     kMuch);
  EXPECT_EQ(log.TermAt(8), std::nullopt);
  EXPECT_EQ(log.TermAt(9), 2U);
  EXPECT_EQ(log.TermAt(10), 2U);
  EXPECT_EQ(log.TermAt(13), 3U);
  EXPECT_EQ(log.last_term(), 5U);
  EXPECT_FALSE(log.IsCached(12));
  EXPECT_TRUE(log.IsCached(13));
}

TEST(EntryLogTest, CutSuffixIsForgotten) {
  EntryLog log = LogOf({1, 2, 2, 3});
  log.CutFrom(3);
  EXPECT_EQ(log.last(), 2U);
  EXPECT_EQ(log.last_term(), 2U);
  log.Append(EntryOf(3, 7));
  EXPECT_EQ(log.TermAt(3), 7U);
}

TEST(EntryLogTest, SliceHasOneEntryAndThenWhatFits) {
  const EntryLog log = LogOf({1, 1, 1});
  EXPECT_THAT(log.Slice(1, 0), ElementsAre(IndexIs(1)));
  EXPECT_THAT(log.Slice(1, 2 * kEntryBytes), ElementsAre(IndexIs(1), IndexIs(2)));
  EXPECT_THAT(log.Slice(2, kMuch), ElementsAre(IndexIs(2), IndexIs(3)));
  EXPECT_THAT(log.Slice(4, kMuch), IsEmpty());
}

TEST(EntryLogTest, AppliedEntriesLeaveMemoryAboveTheBudget) {
  EntryLog log = LogOf({1, 1, 1, 1}, 2 * kEntryBytes);
  EXPECT_TRUE(log.IsCached(1));
  log.Applied(3);
  EXPECT_FALSE(log.IsCached(1));
  EXPECT_TRUE(log.IsCached(2));
}

TEST(EntryLogTest, UnappliedEntriesStayWhateverTheBudget) {
  EntryLog log = LogOf({1, 1, 1}, 0);
  EXPECT_THAT(log.Slice(1, kMuch), SizeIs(3));
  log.Applied(2);
  EXPECT_EQ(log.cached_from(), 3U);
}

TEST(EntryLogTest, ForgottenPrefixKeepsItsLastTerm) {
  EntryLog log = LogOf({1, 2, 2, 3});
  log.Applied(4);
  log.ForgetThrough(3);
  EXPECT_EQ(log.first(), 4U);
  EXPECT_EQ(log.TermAt(2), std::nullopt);
  EXPECT_EQ(log.TermAt(3), 2U);
  log.ForgetThrough(4);
  EXPECT_EQ(log.last_term(), 3U);
  log.ForgetThrough(2);  // Gone already.
  EXPECT_EQ(log.first(), 5U);
}

TEST(EntryLogTest, ResetLogIsEmptyBehindItsPosition) {
  EntryLog log = LogOf({1, 2});
  log.Reset({9, 4});
  EXPECT_EQ(log.first(), 10U);
  EXPECT_EQ(log.last(), 9U);
  EXPECT_EQ(log.TermAt(9), 4U);
  log.Append(EntryOf(10, 4));
  EXPECT_THAT(log.Slice(10, kMuch), SizeIs(1));
}

TEST(EntryLogTest, LastWithinSkipsWholeTerms) {
  const EntryLog log = LogOf({1, 1, 2, 2, 5, 5});
  EXPECT_EQ(log.LastWithin({6, 5}), (Position{6, 5}));
  EXPECT_EQ(log.LastWithin({6, 4}), (Position{4, 2}));
  EXPECT_EQ(log.LastWithin({9, 3}), (Position{4, 2}));
  EXPECT_EQ(log.LastWithin({3, 9}), (Position{3, 2}));
  EXPECT_EQ(log.LastWithin({6, 0}), (Position{0, 0}));
}

TEST(EntryLogTest, LastWithinEndsBeforeAForgottenPrefix) {
  EntryLog log = LogOf({3, 3, 3});
  log.Applied(3);
  log.ForgetThrough(2);
  EXPECT_EQ(log.LastWithin({3, 1}).index, 1U);
}

TEST(EntryLogTest, CandidateNeedsALaterTermOrAtLeastTheLength) {
  const EntryLog log = LogOf({1, 2, 2});
  EXPECT_TRUE(log.IsCoveredBy({1, 3}));
  EXPECT_TRUE(log.IsCoveredBy({3, 2}));
  EXPECT_FALSE(log.IsCoveredBy({2, 2}));
  EXPECT_FALSE(log.IsCoveredBy({9, 1}));
}

}  // namespace
}  // namespace kvd::raft
