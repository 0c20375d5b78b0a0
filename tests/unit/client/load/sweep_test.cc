#include "client/load/sweep.h"

#include <gtest/gtest.h>

#include "../fake_kvd.h"
#include "client/client.h"

namespace kvd::load {
namespace {

using client::Client;
using client::FakeKvd;
using client::Pipeline;

bool GoOn(const Swept& /*so_far*/) {
  return true;
}

class SweepTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string ValueOf(const std::string& key) const {
    const auto get = client_.Get(key);
    return get.ok() && get->entry ? get->entry->value : "nothing";
  }

  FakeKvd node_;
  Client client_ = *Client::Open({.endpoints = {node_.address()}});
  Pipeline pipeline_ = *Pipeline::Open({.endpoints = {node_.address()}});
  RecordFormat format_{{.value_bytes = 10}};
};

TEST_F(SweepTest, FillWritesWhatIsNotThereAndOnlyThat) {
  const Swept first = Fill(pipeline_, format_, 500, GoOn);
  EXPECT_EQ(first.looked_at, 500U);
  EXPECT_EQ(first.changed, 500U);
  EXPECT_FALSE(first.error);
  EXPECT_EQ(ValueOf(format_.Key(499)).size(), 10U);
  EXPECT_EQ(ValueOf(format_.Key(500)), "nothing");

  EXPECT_EQ(Fill(pipeline_, format_, 500, GoOn).changed, 0U);
  ASSERT_TRUE(client_.Delete(format_.Key(77)).ok());
  EXPECT_EQ(Fill(pipeline_, format_, 500, GoOn).changed, 1U);
  EXPECT_EQ(ValueOf(format_.Key(77)).size(), 10U);
}

TEST_F(SweepTest, RecordsOfAnotherSizeAreWrittenAnew) {
  (void)Fill(pipeline_, format_, 20, GoOn);
  const RecordFormat larger({.value_bytes = 11});
  EXPECT_EQ(Fill(pipeline_, larger, 20, GoOn).changed, 20U);
  EXPECT_EQ(ValueOf(larger.Key(3)).size(), 11U);
}

TEST_F(SweepTest, CleanDeletesWhatWasInsertedLaterToo) {
  (void)Fill(pipeline_, format_, 1300, GoOn);
  const Swept cleaned = Clean(pipeline_, format_, 100, GoOn);
  EXPECT_EQ(cleaned.changed, 1300U);
  EXPECT_FALSE(cleaned.error);
  for (const uint64_t record : {0U, 99U, 100U, 1299U}) {
    EXPECT_EQ(ValueOf(format_.Key(record)), "nothing") << record;
  }
}

TEST_F(SweepTest, OtherKeysAreLeftAlone) {
  for (const char* key : {"bench/", "bench/mine", "bench/0", "bench", "mine"}) {
    ASSERT_TRUE(client_.Put(key, "mine").ok());
  }
  (void)Fill(pipeline_, format_, 100, GoOn);
  (void)Clean(pipeline_, format_, 100, GoOn);
  for (const char* key : {"bench/", "bench/mine", "bench/0", "bench", "mine"}) {
    EXPECT_EQ(ValueOf(key), "mine") << key;
  }
}

TEST_F(SweepTest, TheFirstErrorEndsIt) {
  node_.Refuse({.reason = Reason::kPermissionDenied, .message = "not you"});
  const Swept swept = Fill(pipeline_, format_, RecordFormat::kMaxRecords, GoOn);
  ASSERT_TRUE(swept.error);
  EXPECT_EQ(swept.error->reason, Reason::kPermissionDenied);
  EXPECT_EQ(swept.looked_at, 0U);
}

TEST_F(SweepTest, WhoeverWatchesMayEndIt) {
  int looks = 0;
  const Swept swept = Fill(pipeline_, format_, RecordFormat::kMaxRecords,
                           [&](const Swept& /*so_far*/) { return ++looks < 3; });
  EXPECT_EQ(looks, 3);
  EXPECT_FALSE(swept.error);
  EXPECT_LT(swept.looked_at, RecordFormat::kMaxRecords);
  EXPECT_EQ(ValueOf(format_.Key(0)).size(), 10U);
}

}  // namespace
}  // namespace kvd::load
