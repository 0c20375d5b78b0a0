// The payload of an entry: what is not understood stops the replica, so it must be told apart from
// what is damaged.

#include "server/partition/mutation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvd::partition {
namespace {

using namespace std::string_literals;

const std::vector<Mutation>& Samples() {
  static const std::vector<Mutation> kSamples = {
      PutMutation{"k", "value"},
      PutMutation{"k", ""},
      PutMutation{"\0\xff"s, "\0"s},
      PutMutation{"", "no key"},
      DeleteMutation{"k"},
      DeleteMutation{""},
      PutMutation{std::string(4096, 'k'), std::string(100'000, 'v')}};
  return kSamples;
}

StatusCode CodeOf(std::string_view payload) {
  return DecodeMutation(payload).status().code();
}

TEST(MutationTest, DecodingGivesBackWhatWasEncoded) {
  for (const Mutation& mutation : Samples()) {
    EXPECT_EQ(DecodeMutation(EncodeMutation(mutation)).value(), mutation);
  }
}

// A contract with every log there is: change the format byte, never these.
TEST(MutationTest, BytesAreThoseOfTheFirstRelease) {
  EXPECT_EQ(EncodeMutation(PutMutation{"key", "v"}), "\x01\x01\x03\0\0\0key\x01\0\0\0v"s);
  EXPECT_EQ(EncodeMutation(DeleteMutation{"key"}), "\x01\x02\x03\0\0\0key"s);
}

TEST(MutationTest, EveryPrefixIsRefusedAsDamaged) {
  for (const Mutation& mutation : {Samples()[0], Samples()[4]}) {
    const std::string payload = EncodeMutation(mutation);
    for (size_t size = 0; size < payload.size(); ++size) {
      EXPECT_EQ(CodeOf(payload.substr(0, size)), StatusCode::kDataLoss) << size;
    }
  }
}

TEST(MutationTest, BytesBehindTheEndAreRefusedAsDamaged) {
  for (const Mutation& mutation : Samples()) {
    EXPECT_EQ(CodeOf(EncodeMutation(mutation) + "x"), StatusCode::kDataLoss);
  }
}

TEST(MutationTest, LengthBeyondTheEndIsRefusedAsDamaged) {
  EXPECT_EQ(CodeOf("\x01\x01\xff\xff\xff\xffkey"s), StatusCode::kDataLoss);
}

TEST(MutationTest, UnknownFormatIsRefusedNamingBoth) {
  const Status status = DecodeMutation("\x02\x01\x01\0\0\0k\0\0\0\0"s).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "log entry has format 2, this kvd knows up to 1; run a newer kvd");
}

TEST(MutationTest, UnknownKindIsRefusedNamingBoth) {
  const Status status = DecodeMutation("\x01\x03\x01\0\0\0k"s).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "log entry has kind 3, this kvd knows up to 2; run a newer kvd");
  EXPECT_EQ(CodeOf("\x01\0"s), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace kvd::partition
