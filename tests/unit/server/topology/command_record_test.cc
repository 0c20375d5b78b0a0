// The record of a command, an entry of the system group's log: read as it was written or not at
// all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/topology/command.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

// One of each kind, in the order of kinds.
std::vector<Command> OneOfEach() {
  return {AddMembers{{CardOf(4), CardOf(5)}, "ops"},
          StartLeave{NodeId{2}, true, "ops"},
          StartRemove{NodeId{3}, false, "kvd"},
          StartReplace{NodeId{1}, CardOf(6), "ops"},
          ReplaceWiped{NodeId{1}, CardOf(1)},
          StartRebalance{"ops"},
          NoteCard{NodeId{2}, CardOf(2)},
          SetVoters{{NodeId{1}, NodeId{2}}},
          FinishJoin{NodeId{4}},
          FinishRemoval{NodeId{2}},
          FinishJob{JobId{7}},
          AbortJob{JobId{8}}};
}

std::string BodyOf(const Command& command) {
  const std::string record = EncodeCommand(command);
  return record.substr(0, record.size() - 4);
}

std::string Sealed(std::string_view body) {
  return ByteWriter().Raw(body).U32(Checksum32(body)).Take();
}

StatusCode CodeOf(std::string_view bytes) {
  return DecodeCommand(bytes).status().code();
}

TEST(CommandRecordTest, EveryKindIsReadAsItWasWritten) {
  ASSERT_EQ(OneOfEach().size(), std::variant_size_v<Command>);
  for (const Command& command : OneOfEach()) {
    EXPECT_EQ(DecodeCommand(EncodeCommand(command)).value(), command) << command.index();
  }
}

// A contract with every log there is.
TEST(CommandRecordTest, KindsKeepTheirNumbers) {
  for (size_t i = 0; i < OneOfEach().size(); ++i) {
    const std::string body = BodyOf(OneOfEach()[i]);
    EXPECT_EQ(body[0], 1);
    EXPECT_EQ(static_cast<size_t>(body[1]), i + 1);
  }
  EXPECT_EQ(BodyOf(StartLeave{NodeId{2}, true, "ops"}),
            std::string("\x01\x02\x02\0\0\0\x01\x03\0\0\0ops", 14));
}

TEST(CommandRecordTest, DamageOfAnyByteIsRefused) {
  for (const Command& command : OneOfEach()) {
    const std::string record = EncodeCommand(command);
    for (size_t at = 0; at < record.size(); ++at) {
      std::string damaged = record;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      EXPECT_EQ(CodeOf(damaged), StatusCode::kDataLoss) << command.index() << " at " << at;
    }
  }
}

TEST(CommandRecordTest, FieldsThatAreMissingOrTooManyAreRefused) {
  for (const Command& command : OneOfEach()) {
    const std::string body = BodyOf(command);
    for (size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(CodeOf(Sealed(body.substr(0, size))), StatusCode::kDataLoss) << command.index();
    }
    EXPECT_EQ(CodeOf(Sealed(body + "x")), StatusCode::kDataLoss) << command.index();
  }
}

TEST(CommandRecordTest, UnknownKindIsRefusedNotSkipped) {
  std::string body = BodyOf(StartRebalance{"ops"});
  body[1] = static_cast<char>(std::variant_size_v<Command> + 1);
  const Status status = DecodeCommand(Sealed(body)).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "topology command has kind 13, this kvd knows 12; run a newer kvd");
}

TEST(CommandRecordTest, NewerFormatIsRefused) {
  std::string body = BodyOf(StartRebalance{"ops"});
  body[0] = 2;
  EXPECT_EQ(CodeOf(Sealed(body)), StatusCode::kFailedPrecondition);
}

TEST(CommandRecordTest, FlagsAreYesOrNo) {
  std::string body = BodyOf(StartLeave{NodeId{2}, true, "ops"});
  body[6] = 2;
  EXPECT_EQ(CodeOf(Sealed(body)), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kvd::topology
