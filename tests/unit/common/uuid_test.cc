#include "common/uuid.h"

#include <gtest/gtest.h>

namespace kvd {
namespace {

TEST(UuidTest, TextGoesThereAndBack) {
  Random random(1);
  const Uuid id = Uuid::Draw(random);
  EXPECT_EQ(Uuid::Parse(id.ToString()), id);
  EXPECT_EQ(Uuid::FromBytes(id.ToBytes()), id);
  EXPECT_EQ(id.ToString().size(), 36U);
  EXPECT_EQ(id.ToString()[14], '4');
}

TEST(UuidTest, DrawsDiffer) {
  Random random(1);
  EXPECT_NE(Uuid::Draw(random), Uuid::Draw(random));
}

TEST(UuidTest, AnythingElseIsRefused) {
  EXPECT_EQ(Uuid::Parse(""), std::nullopt);
  EXPECT_EQ(Uuid::Parse("6f1c2a9e-0b1d-4c3e-8f5a-11223344556"), std::nullopt);
  EXPECT_EQ(Uuid::Parse("6f1c2a9e+0b1d-4c3e-8f5a-112233445566"), std::nullopt);
  EXPECT_EQ(Uuid::Parse("6f1c2a9e-0b1d-4c3e-8f5a-11223344556g"), std::nullopt);
  EXPECT_EQ(Uuid::FromBytes("short"), std::nullopt);
}

}  // namespace
}  // namespace kvd
