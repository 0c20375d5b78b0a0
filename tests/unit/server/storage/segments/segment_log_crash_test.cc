// The log on disk when its process is killed, and when its disk refuses a write.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "server/storage/segments/segment_log.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr GroupId kGroup{1};

// Runs storage_crash_writer until it has said `acknowledged` times that an entry is on disk, and
// kills it. Returns how often it had said so in all.
size_t KillWriterAfter(size_t acknowledged, const std::string& path) {
  std::array<int, 2> ends{};
  KVD_CHECK(pipe(ends.data()) == 0, "pipe");
  const pid_t writer = fork();
  if (writer == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl(KVD_CRASH_WRITER, KVD_CRASH_WRITER, path.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  size_t said = 0;
  std::array<char, 256> heard{};
  while (said < acknowledged) {
    const ssize_t got = read(ends[0], heard.data(), heard.size());
    KVD_CHECK(got > 0, "the writer stopped by itself");
    said += static_cast<size_t>(got);
  }
  kill(writer, SIGKILL);
  for (ssize_t got = 1; got > 0;) {
    got = read(ends[0], heard.data(), heard.size());
    if (got > 0) said += static_cast<size_t>(got);
  }
  waitpid(writer, nullptr, 0);
  close(ends[0]);
  return said;
}

TEST(SegmentLogCrashTest, EverythingAcknowledgedSurvivesKill9) {
  const TempDir dir;
  for (const size_t until : {1U, 30U, 100U}) {
    const std::string path = dir / std::to_string(until);
    const size_t said = KillWriterAfter(until, path);
    const auto opened = OpenSegmentLog(path, {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const auto groups = opened->log->Groups().value();
    ASSERT_THAT(groups, SizeIs(1));
    const Index last = groups.front().last;
    EXPECT_GE(last, said);
    EXPECT_LE(last, said + 1);
    EXPECT_EQ(groups.front().hard_state.term, last);
    EXPECT_THAT(opened->log->Read(kGroup, 1, last, UINT64_MAX).value(), SizeIs(last));
  }
}

// A file size limit makes the kernel refuse writes as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(SegmentLogCrashTest, ARefusedWriteEndsTheLogAndIsToldOnce) {
  const TempDir dir;
  std::atomic<int> told = 0;
  auto opened = OpenSegmentLog(dir / "log", {.on_fatal = [&](const Status&) { ++told; }});
  ASSERT_TRUE(opened.ok()) << opened.status();
  Log& log = *opened->log;
  const std::vector<GroupWrite> first = {
      {.group = kGroup, .hard_state = {}, .entries = {{.index = 1, .term = 1, .payload = "kept"}}}};
  ASSERT_TRUE(log.Append(first).ok());
  const std::vector<GroupWrite> second = {
      {.group = kGroup,
       .hard_state = {},
       .entries = {{.index = 2, .term = 1, .payload = std::string(1 << 20, 'x')}}}};
  {
    const FileSizeLimit limit(256 << 10);
    const Status refused = log.Append(second);
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(Message(refused), HasSubstr("kvd must stop"));
  }
  // The disk works again; the log does not trust it.
  EXPECT_FALSE(log.Append(second).ok());
  EXPECT_FALSE(log.Groups().ok());
  EXPECT_FALSE(log.Read(kGroup, 1, 1, 1).ok());
  EXPECT_FALSE(log.TruncatePrefix(kGroup, 1).ok());
  EXPECT_EQ(told, 1);

  opened->log.reset();
  const auto again = OpenSegmentLog(dir / "log", {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->log->Groups().value().front().last, 1U);
}

TEST(SegmentLogCrashTest, AFolderThatCannotBeIsRefused) {
  const TempDir dir;
  const auto opened = OpenSegmentLog(dir / "no/such/parent", {});
  EXPECT_FALSE(opened.ok());
  EXPECT_THAT(Message(opened.status()), HasSubstr("no/such/parent"));
}

TEST(SegmentLogCrashTest, ALogThatMustExistIsNotBegunAnew) {
  const TempDir dir;
  const auto opened = OpenSegmentLog(dir / "log", {.must_exist = true});
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kvd::storage
