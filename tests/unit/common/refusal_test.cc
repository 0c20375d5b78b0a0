#include "common/refusal.h"

#include <gtest/gtest.h>

namespace kvd {
namespace {

TEST(ReasonTest, NamesGoThereAndBack) {
  for (int i = 0; i <= static_cast<int>(Reason::kInternal); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(ParseReason(ReasonName(reason)), reason);
  }
}

TEST(ReasonTest, UnknownNamesAreNotGuessed) {
  EXPECT_EQ(ParseReason("no_majority"), std::nullopt);
  EXPECT_EQ(ParseReason(""), std::nullopt);
}

}  // namespace
}  // namespace kvd
