// The payload of an entry: what is not understood stops the replica, so it must be told apart from
// what is damaged.

#include "server/partition/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kvd::partition {
namespace {

using namespace std::string_literals;

constexpr RequestId kId{.client = 0x1122334455667788, .sequence = 3, .done_below = 2, .base = 9};

const std::vector<Command>& Samples() {
  static const std::vector<Command> kSamples = {
      {.mutation = PutMutation{"k", "value"}},
      {.id = kId, .mutation = PutMutation{"k", "", 7}},
      {.mutation = PutMutation{"\0\xff"s, "\0"s, 0}},
      {.mutation = PutMutation{"", "no key"}},
      {.mutation = DeleteMutation{"k"}},
      {.id = kId, .mutation = DeleteMutation{"", 1}},
      {.mutation = PutMutation{std::string(4096, 'k'), std::string(100'000, 'v')}},
      {.id = kId, .mutation = IncrementMutation{"n", -1}},
      {.mutation = BatchMutation{}},
      {.id = kId,
       .mutation = BatchMutation{{PutMutation{"a", "1", 0}, DeleteMutation{"b"},
                                  PutMutation{"c", ""}, DeleteMutation{"d", 5}}}}};
  return kSamples;
}

StatusCode CodeOf(std::string_view payload) {
  return DecodeCommand(payload).status().code();
}

TEST(CommandTest, DecodingGivesBackWhatWasEncoded) {
  for (const Command& command : Samples()) {
    EXPECT_EQ(DecodeCommand(EncodeCommand(command)).value(), command);
  }
}

// A contract with every log there is: change the format byte, never these.
TEST(CommandTest, BytesAreThoseOfTheFirstRelease) {
  EXPECT_EQ(EncodeCommand({.mutation = PutMutation{"key", "v"}}),
            "\1\0\1\0\x03\0\0\0key\x01\0\0\0v"s);
  EXPECT_EQ(EncodeCommand({.mutation = DeleteMutation{"key", 5}}),
            "\1\0\2\1\5\0\0\0\0\0\0\0\x03\0\0\0key"s);
  EXPECT_EQ(EncodeCommand({.mutation = IncrementMutation{"n", -2}}),
            "\1\0\3\1\0\0\0n\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(EncodeCommand({.mutation = BatchMutation{{DeleteMutation{"a"}}}}),
            "\1\0\4\1\0\0\0\2\0\1\0\0\0a"s);
  EXPECT_EQ(EncodeCommand({.id = kId, .mutation = DeleteMutation{""}}),
            "\1\1\x88\x77\x66\x55\x44\x33\x22\x11\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
            "\x9\0\0\0\0\0\0\0\2\0\0\0\0\0"s);
}

TEST(CommandTest, EveryPrefixIsRefusedAsDamaged) {
  for (const Command& command : Samples()) {
    const std::string payload = EncodeCommand(command);
    for (size_t size = 0; size < std::min<size_t>(payload.size(), 200); ++size) {
      EXPECT_EQ(CodeOf(payload.substr(0, size)), StatusCode::kDataLoss) << size;
    }
  }
}

TEST(CommandTest, BytesBehindTheEndAreRefusedAsDamaged) {
  for (const Command& command : Samples()) {
    EXPECT_EQ(CodeOf(EncodeCommand(command) + "x"), StatusCode::kDataLoss);
  }
}

TEST(CommandTest, LengthsAndCountsBeyondTheEndAreRefusedAsDamaged) {
  EXPECT_EQ(CodeOf("\x01\0\x01\0\xff\xff\xff\xffkey"s), StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf("\x01\0\x04\xff\xff\xff\xff\2\0\1\0\0\0a"s), StatusCode::kDataLoss);
}

TEST(CommandTest, ThereIsOneEncodingOfEachCommand) {
  EXPECT_EQ(CodeOf("\x01\x02\x02\0\1\0\0\0k"s), StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf("\x01\0\x02\x02\1\0\0\0k"s), StatusCode::kDataLoss);
}

TEST(CommandTest, UnknownFormatIsRefusedNamingBoth) {
  const Status status = DecodeCommand("\x02\x01\x01\0\0\0k\0\0\0\0"s).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "log entry has format 2, this kvd knows up to 1; run a newer kvd");
}

TEST(CommandTest, UnknownKindIsRefusedNamingBoth) {
  const Status status = DecodeCommand("\x01\0\x05\x01\0\0\0k"s).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "log entry has kind 5, this kvd knows up to 4; run a newer kvd");
}

TEST(CommandTest, ABatchHoldsPutsAndDeletesAlone) {
  EXPECT_EQ(CodeOf("\1\0\4\1\0\0\0\4\0\0\0\0"s), StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf("\1\0\4\1\0\0\0\5"s), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace kvd::partition
