#include "client/kvctl/encoding.h"

#include <gtest/gtest.h>

#include "common/random.h"

namespace kvd::kvctl {
namespace {

using namespace std::string_literals;

TEST(EncodingTest, Base64FollowsRfc4648) {
  EXPECT_EQ(ToBase64(""), "");
  EXPECT_EQ(ToBase64("f"), "Zg==");
  EXPECT_EQ(ToBase64("fo"), "Zm8=");
  EXPECT_EQ(ToBase64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(*FromBase64("Zm8="), "fo");
  EXPECT_EQ(*FromBase64("Zm8"), "fo");
}

TEST(EncodingTest, AllBytesComeBack) {
  Random random(7);
  for (size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.Below(256));
    EXPECT_EQ(*FromHex(ToHex(bytes)), bytes);
    EXPECT_EQ(*FromBase64(ToBase64(bytes)), bytes);
  }
}

TEST(EncodingTest, HexIsReadInEitherCase) {
  EXPECT_EQ(*FromHex("00fFaB"), "\0\xff\xab"s);
}

TEST(EncodingTest, WhatIsNotEncodedIsRefused) {
  for (const char* text : {"0", "0g", "xx", "0x00"}) EXPECT_FALSE(FromHex(text).ok()) << text;
  for (const char* text : {"Z", "Zh==", "Zm9v=", "Z===", "Zm9v Zg", "Zm-_"}) {
    EXPECT_FALSE(FromBase64(text).ok()) << text;
  }
}

}  // namespace
}  // namespace kvd::kvctl
