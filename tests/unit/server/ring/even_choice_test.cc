// Small tables of items and the members they allow.

#include "server/ring/even_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::ring {
namespace {

using ::testing::ElementsAre;

TEST(EvenChoiceTest, ItemsSpreadOverTheirOptions) {
  EXPECT_THAT(ChooseEvenly({.options = {{0, 1}, {0, 1}}, .chosen = {{}, {}}, .load = {0, 0}}),
              ElementsAre(0, 1));
}

TEST(EvenChoiceTest, StandingChoicesStayWhileEven) {
  EXPECT_THAT(ChooseEvenly({.options = {{0, 1}, {0, 1}}, .chosen = {1, 0}, .load = {0, 0}}),
              ElementsAre(1, 0));
}

TEST(EvenChoiceTest, LoadCarriedAnywayCounts) {
  EXPECT_THAT(ChooseEvenly({.options = {{0, 1}, {0, 1}}, .chosen = {0, 0}, .load = {5, 0}}),
              ElementsAre(1, 1));
}

TEST(EvenChoiceTest, ChainsOfChangedMindsAreFound) {
  // Member 0 has two items, member 2 none, and only member 1 stands between them.
  EXPECT_THAT(
      ChooseEvenly({.options = {{0}, {0, 1}, {1, 2}}, .chosen = {0, 0, 1}, .load = {0, 0, 0}}),
      ElementsAre(0, 1, 2));
}

TEST(EvenChoiceTest, WhatOptionsForbidStaysUneven) {
  EXPECT_THAT(
      ChooseEvenly(
          {.options = {{0}, {0}, {0}, {1, 2}}, .chosen = {{}, {}, {}, {}}, .load = {0, 0, 0}}),
      ElementsAre(0, 0, 0, 1));
}

}  // namespace
}  // namespace kvd::ring
