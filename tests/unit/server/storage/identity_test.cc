#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/storage/data_dir.h"

namespace kvd::storage {
namespace {

using ::testing::HasSubstr;

Identity Sample() {
  Random random(1);
  return {.node_uuid = Uuid::Draw(random),
          .node_name = "n1",
          .cluster_name = "prod",
          .cluster_id = Uuid::Draw(random),
          .founder_uuid = Uuid::Draw(random),
          .boot = {.counter = 3, .nonce = 99}};
}

TEST(IdentityTest, WhatWasEncodedIsDecoded) {
  EXPECT_EQ(DecodeIdentity(EncodeIdentity(Sample())).value(), Sample());
}

TEST(IdentityTest, EveryChangedByteIsDamage) {
  const std::string bytes = EncodeIdentity(Sample());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_EQ(DecodeIdentity(changed).status().code(), StatusCode::kDataLoss) << at;
  }
}

TEST(IdentityTest, FutureFormatIsRefusedNamingBoth) {
  std::string bytes = EncodeIdentity(Sample());
  bytes.resize(bytes.size() - 4);
  bytes[0] = 9;
  const auto decoded = DecodeIdentity(ByteWriter().Raw(bytes).U32(Checksum32(bytes)).Take());
  EXPECT_EQ(decoded.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(decoded.status()), HasSubstr("format 9"));
  EXPECT_THAT(Message(decoded.status()), HasSubstr("format 1"));
}

TEST(IdentityTest, AForeignClusterOrNodeIsRefusedNamingBoth) {
  EXPECT_TRUE(CheckBelongsTo(Sample(), "n1", "prod").ok());
  const Status cluster = CheckBelongsTo(Sample(), "n1", "test");
  EXPECT_EQ(cluster.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(cluster), HasSubstr("cluster \"prod\", the cluster file describes \"test\""));
  const Status node = CheckBelongsTo(Sample(), "n2", "prod");
  EXPECT_EQ(node.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(node), HasSubstr("node \"n1\", this is node \"n2\""));
}

}  // namespace
}  // namespace kvd::storage
