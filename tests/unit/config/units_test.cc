// Sizes, durations and numbers: what is accepted, what is refused and with which words, and that
// what is formatted parses back.

#include "config/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"

namespace kvd::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(UnitsTest, BinaryAndDecimalSizesDiffer) {
  EXPECT_EQ(*ParseSize("512"), 512U);
  EXPECT_EQ(*ParseSize("512B"), 512U);
  EXPECT_EQ(*ParseSize("4KiB"), 4096U);
  EXPECT_EQ(*ParseSize("4KB"), 4000U);
  EXPECT_EQ(*ParseSize("2GiB"), 2 * kGiB);
  EXPECT_EQ(*ParseSize("3MB"), 3'000'000U);
}

TEST(UnitsTest, SizeIsOneNumberAndOneUnitAndNothingElse) {
  for (const char* text : {"", " ", "4MB ", " 4MB", "4 MB", "MiB", "4K", "4mib", "-1", "1.5MiB",
                           "0x10", "01KiB", "4MiBs", "18446744073709551616", "16777216TiB"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
  EXPECT_EQ(Message(ParseSize("4MB ").status()),
            "'4MB ' is not a size (examples: 512, 4KiB, 1MiB)");
}

TEST(UnitsTest, DurationsHaveAUnitUnlessZero) {
  EXPECT_EQ(*ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(*ParseDuration("5s"), seconds(5));
  EXPECT_EQ(*ParseDuration("7d"), hours(7 * 24));
  EXPECT_EQ(*ParseDuration("0"), Duration::zero());
  EXPECT_EQ(*ParseDuration("0s"), Duration::zero());
  for (const char* text : {"", "5", "5 s", "s", "1m30s", "-5s", "05s", "1.5s", "106752d"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(UnitsTest, NumbersThatOtherReadersMisreadAreRefusedWithTheReason) {
  EXPECT_EQ(*ParseNumber("0"), 0U);
  EXPECT_EQ(*ParseNumber("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(Message(ParseNumber("0700").status()),
            "'0700' has a leading zero, which YAML reads as octal; write 700");
  EXPECT_THAT(Message(ParseNumber("00").status()), HasSubstr("write 0"));
  EXPECT_THAT(Message(ParseNumber("0x1F").status()), HasSubstr("in decimal"));
  EXPECT_THAT(Message(ParseNumber("18446744073709551616").status()), HasSubstr("too large"));
  for (const char* text : {"", "-1", "+1", "1e3", "1_000", "3.0", " 1"}) {
    EXPECT_FALSE(ParseNumber(text).ok()) << text;
  }
}

TEST(UnitsTest, WhatIsFormattedParsesBack) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t bytes = random.Next() >> random.Below(64);
    EXPECT_EQ(*ParseSize(FormatSize(bytes)), bytes);
    const Duration duration(static_cast<Duration::rep>(random.Next() >> 1U >> random.Below(63)));
    EXPECT_EQ(*ParseDuration(FormatDuration(duration)), duration);
  }
}

TEST(UnitsTest, FormattingTakesTheLargestUnitThatLosesNothing) {
  EXPECT_EQ(FormatSize(4096), "4KiB");
  EXPECT_EQ(FormatSize(4097), "4097");
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatDuration(seconds(90)), "90s");
  EXPECT_EQ(FormatDuration(hours(48)), "2d");
  EXPECT_EQ(FormatDuration(Duration(1)), "1ns");
  EXPECT_EQ(FormatDuration(Duration::zero()), "0s");
}

TEST(UnitsTest, QuotedTextIsSafeOnATerminal) {
  EXPECT_EQ(InQuotes("a\x1b[31m\n"), "'a\\x1b[31m\\x0a'");
  EXPECT_EQ(InQuotes(std::string(100, 'x')), "'" + std::string(64, 'x') + "...'");
}

}  // namespace
}  // namespace kvd::config
