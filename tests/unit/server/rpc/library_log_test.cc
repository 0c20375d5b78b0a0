// The libraries speak, and the log has it.

#include "server/rpc/library_log.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include <vector>

#include "kvd/v1/kv.pb.h"

namespace kvd::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class Lines final : public Logger {
 public:
  void Write(const LogLine& line) override { all.push_back(line); }
  std::vector<LogLine> all;
};

// One test, because protobuf gets one line a second, and no test waits for the next.
TEST(LibraryLogTest, WhatTheLibrariesSayIsALineAndAFloodIsOneLine) {
  Lines lines;
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  {
    const LibraryLog log(lines);
    for (int i = 0; i < 3; ++i) GOOGLE_LOG(ERROR) << "String field contains invalid UTF-8. ";
    ASSERT_THAT(lines.all, SizeIs(1));
    EXPECT_EQ(lines.all[0].level, LogLevel::kWarn);
    EXPECT_EQ(lines.all[0].room, "rpc");
    EXPECT_EQ(lines.all[0].message, "protobuf: String field contains invalid UTF-8.");

    gpr_log(GPR_ERROR, "no credentials for %s", "n2");
    ASSERT_THAT(lines.all, SizeIs(2));
    EXPECT_EQ(lines.all[1].level, LogLevel::kError);
    EXPECT_EQ(lines.all[1].message, "grpc: no credentials for n2");
  }
  gpr_log(GPR_ERROR, "after the end");
  EXPECT_THAT(lines.all, SizeIs(2));
}

}  // namespace
}  // namespace kvd::rpc
