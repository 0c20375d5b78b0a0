#include "common/bytes.h"

#include <gtest/gtest.h>

namespace kvd {
namespace {

using namespace std::string_literals;

TEST(BytesTest, QuotedShowsOnlyPrintableAscii) {
  EXPECT_EQ(Quoted("user:42"), R"("user:42")");
  EXPECT_EQ(Quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Quoted("\x00\x1b[31m\xff"s), R"("\x00\x1b[31m\xff")");
}

TEST(BytesTest, QuotedCutsWhatIsTooLong) {
  EXPECT_EQ(Quoted("abcdef", 3), R"("abc"...)");
}

TEST(BytesTest, Utf8AcceptsWellFormedText) {
  for (const auto& text : {""s, "abc"s, "\0"s, "\u00e9"s, "\u20ac"s, "\U0001f600"s, "\uffff"s}) {
    EXPECT_TRUE(IsUtf8(text)) << Quoted(text);
  }
}

TEST(BytesTest, Utf8RefusesOverlongSurrogateTruncatedAndStray) {
  for (const auto& bytes : {"\xc0\x80"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s,
                            "\xf0\x80\x80\x80"s, "\xe2\x82"s, "\x80"s, "\xff"s, "ok\xc3"s}) {
    EXPECT_FALSE(IsUtf8(bytes)) << Quoted(bytes);
  }
}

TEST(BytesTest, SizesReadAsPeopleWriteThem) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(1), "1 byte");
  EXPECT_EQ(FormatBytes(1023), "1023 bytes");
  EXPECT_EQ(FormatBytes(4096), "4 KiB");
  EXPECT_EQ(FormatBytes(1U << 20U), "1 MiB");
  EXPECT_EQ(FormatBytes(6U * 1024 * 1024 + 60000), "6.1 MiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16.0 EiB");
}

TEST(BytesTest, SizesBesideOneAnotherNeverLookAlikeUnlessTheyAre) {
  EXPECT_EQ(FormatBytesBeside(4097, 4096), "4097 bytes");
  EXPECT_EQ(FormatBytesBeside(4096, 4096), "4 KiB");
  EXPECT_EQ(FormatBytesBeside(6U << 20U, 1U << 20U), "6 MiB");
  EXPECT_EQ(FormatBytesBeside((1U << 20U) + 1, 1U << 20U), "1048577 bytes");
  EXPECT_EQ(FormatBytesBeside((1U << 20U) - 1, 1U << 20U), "1024.0 KiB");
  EXPECT_EQ(FormatBytesBeside(513, 512), "513 bytes");
}

TEST(BytesTest, WhatAWriterWroteAReaderReads) {
  ByteWriter writer;
  writer.U8(7).U32(0x01020304).U64(UINT64_MAX).String("a\0b"s).Raw("tail");
  ByteReader reader(writer.bytes());
  EXPECT_EQ(reader.U8(), 7);
  EXPECT_EQ(reader.U32(), 0x01020304U);
  EXPECT_EQ(reader.U64(), UINT64_MAX);
  EXPECT_EQ(reader.String(), "a\0b"s);
  EXPECT_FALSE(reader.exhausted());
  EXPECT_EQ(reader.Raw(4), "tail");
  EXPECT_TRUE(reader.exhausted());
}

TEST(BytesTest, IntegersAreLittleEndian) {
  EXPECT_EQ(ByteWriter().U32(0x01020304).bytes(), "\x04\x03\x02\x01");
}

TEST(BytesTest, AReaderThatRanShortStaysFailed) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.U32(), std::nullopt);
  EXPECT_EQ(reader.U8(), std::nullopt);
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(reader.exhausted());
}

TEST(BytesTest, ALengthBeyondTheBytesIsRefused) {
  const std::string bytes = ByteWriter().U32(UINT32_MAX).Raw("x").Take();
  EXPECT_EQ(ByteReader(bytes).String(), std::nullopt);
}

}  // namespace
}  // namespace kvd
