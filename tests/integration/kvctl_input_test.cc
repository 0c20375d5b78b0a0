// What people get wrong at the keyboard, and what surrounds kvctl: dead endpoints, terminals, full
// disks, closed pipes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "tests/support/binaries.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Finished Kvctl(std::vector<std::string> words) {
  return RunToEnd(KvctlCommand(std::move(words)));
}

TEST(KvctlInputTest, MistakesAreUsageErrorsInOneLine) {
  const ReservedPort nobody;
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"gte", "key"},
                                                {"get"},
                                                {"get", "a", "b"},
                                                {"put", "key"},
                                                {"put", "key", "value", "--empty"},
                                                {"put", "key", "value", "--nonsense"},
                                                {"get", "key", "--timeout", "soon"},
                                                {"get", "key", "--output", "xml"},
                                                {"get", "xyz", "--key-encoding", "hex"},
                                                {"get", ""},
                                                {"wait"},
                                                {"get", "key", "--endpoints", "nowhere:port"},
                                                {"get", "key", "--color", "sometimes"}}) {
    std::vector<std::string> command = {"-e", nobody.address()};
    command.insert(command.end(), words.begin(), words.end());
    const Finished refused = Kvctl(command);
    EXPECT_EQ(refused.code, 2) << ::testing::PrintToString(words) << refused;
    EXPECT_EQ(refused.out, "");
    EXPECT_THAT(refused.err, StartsWith("kvctl: "));
  }
  EXPECT_EQ(Kvctl({"gte", "key"}).err,
            "kvctl: unknown command 'gte'; did you mean 'get'? See kvctl --help.\n");
  EXPECT_THAT(Kvctl({"put", "key"}).err, HasSubstr("no value"));
}

TEST(KvctlInputTest, NobodyThereIsSaidAtOnceWithWhatToDo) {
  const ReservedPort nobody;
  const ReservedPort nobody_either;
  const auto begin = std::chrono::steady_clock::now();
  for (const std::vector<std::string>& words : {std::vector<std::string>{"get", "key"},
                                                {"put", "key", "value"},
                                                {"status"},
                                                {"ring"},
                                                {"ping"}}) {
    std::vector<std::string> command = {"-e", nobody.address() + "," + nobody_either.address()};
    command.insert(command.end(), words.begin(), words.end());
    const Finished refused = Kvctl(command);
    EXPECT_EQ(refused.code, 5) << refused;
    EXPECT_THAT(refused.err, HasSubstr(nobody.address()));
    EXPECT_THAT(refused.err, HasSubstr("connection refused. Is kvd running? Try: kvd --dev\n"));
  }
  // Each had 25 s, and none may have waited for them.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
}

TEST(KvctlInputTest, TheTimeoutHoldsWhenAnEndpointNeverAnswers) {
  const ReservedPort silent;
  silent.Listen();
  for (const auto& [words, code] :
       {std::pair<std::vector<std::string>, int>{{"get", "key"}, 5}, {{"put", "key", "v"}, 5}}) {
    std::vector<std::string> command = {"-e", silent.address(), "--timeout", "300ms"};
    command.insert(command.end(), words.begin(), words.end());
    const Finished refused = Kvctl(command);
    EXPECT_TRUE(refused.code == code || refused.code == 7) << refused;
  }
}

TEST(KvctlInputTest, DeadEndpointsArePassedOver) {
  const Cluster cluster({.nodes = 1});
  const ReservedPort nobody;
  const ReservedPort silent;
  silent.Listen();
  const std::string endpoints =
      nobody.address() + "," + silent.address() + "," + cluster.address(1);
  const Finished put = Kvctl({"-e", endpoints, "put", "key", "value"});
  EXPECT_EQ(put.code, 0) << put;
  const Finished get = Kvctl({"-e", endpoints, "get", "key"});
  EXPECT_EQ(get.code, 0) << get;
  EXPECT_EQ(get.out, "value");
}

TEST(KvctlInputTest, WhatIsTooLargeNamesTheLimit) {
  const Cluster cluster({.nodes = 1});
  const Finished key = cluster.Kvctl({"put", std::string(4097, 'k'), "value"});
  EXPECT_EQ(key.code, 9) << key;
  EXPECT_THAT(key.err, HasSubstr("limits.max_key_bytes"));
  const Finished value = cluster.Kvctl({"put", "key", "-"}, std::string(1048577, 'v'));
  EXPECT_EQ(value.code, 9) << value;
  EXPECT_THAT(value.err, HasSubstr("the limit is 1 MiB (limits.max_value_bytes)"));
  const Finished huge = cluster.Kvctl({"put", "key", "-"}, std::string(6U << 20U, 'v'));
  EXPECT_EQ(huge.code, 9) << huge;
  EXPECT_EQ(cluster.Kvctl({"exists", "key"}).code, 3);
  EXPECT_EQ(cluster.Kvctl({"put", "key", "-"}, std::string(1048576, 'v')).code, 0);
}

TEST(KvctlInputTest, ATerminalGetsTextWithANewlineAndNoBinary) {
  if (!Process::HasTerminals()) {
    std::cerr << "NOT TESTED: this system has no pseudo-terminals; mount /dev/pts and run again\n";
    return;
  }
  const Cluster cluster({.nodes = 1});
  ASSERT_TRUE(cluster.ClientOf(1).Put("text", "hello").ok());
  ASSERT_TRUE(cluster.ClientOf(1).Put("binary", "\xff\xfe\x1b[2J").ok());
  const auto on_terminal = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-e", cluster.address(1)});
    auto options = KvctlCommand(std::move(words));
    options.output = Process::Output::kTerminal;
    options.environment = {"TERM=xterm"};
    return RunToEnd(options);
  };
  EXPECT_EQ(on_terminal({"get", "text"}).out, "hello\r\n");  // The terminal adds the \r.
  const Finished binary = on_terminal({"get", "binary"});
  EXPECT_EQ(binary.code, 1) << binary;
  EXPECT_EQ(binary.out, "");
  EXPECT_THAT(binary.err, HasSubstr("use -o hex, -o base64 or --out FILE"));
  EXPECT_EQ(on_terminal({"get", "binary", "-o", "hex"}).out, "fffe1b5b324a\r\n");
  EXPECT_THAT(on_terminal({"status"}).out, HasSubstr("\x1b["));
  EXPECT_EQ(on_terminal({"status", "--color", "never"}).out.find("\x1b["), std::string::npos);
}

TEST(KvctlInputTest, AFullDiskIsSaidAndAWriteThatHappenedToo) {
  const Cluster cluster({.nodes = 1});
  const auto to_full = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-e", cluster.address(1)});
    auto options = KvctlCommand(std::move(words));
    options.out_file = "/dev/full";
    return RunToEnd(options);
  };
  const Finished put = to_full({"put", "key", "value"});
  EXPECT_EQ(put.code, 1) << put;
  EXPECT_THAT(put.err, HasSubstr("no space left on device; the value was written (version "));
  const Finished get = to_full({"get", "key"});
  EXPECT_EQ(get.code, 1) << get;
  EXPECT_THAT(get.err, HasSubstr("kvctl: write standard output: no space left on device"));
  const Finished out = cluster.Kvctl({"get", "key", "--out", "/dev/full"});
  EXPECT_EQ(out.code, 1) << out;
  EXPECT_THAT(out.err, HasSubstr("write /dev/full: no space left on device"));
}

TEST(KvctlInputTest, AReaderThatLeavesEarlyIsNoNews) {
  const Cluster cluster({.nodes = 1});
  ASSERT_TRUE(cluster.ClientOf(1).Put("big", std::string(1U << 20U, 'x')).ok());
  const Finished piped =
      RunToEnd({.command = {"/bin/sh", "-c",
                            KvctlBinary() + " -e " + cluster.address(1) + " get big | head -c 1"}});
  EXPECT_EQ(piped.code, 0) << piped;
  EXPECT_EQ(piped.out, "x");
  EXPECT_EQ(piped.err, "");
}

TEST(KvctlInputTest, MissingFilesAreNamed) {
  const Cluster cluster({.nodes = 1});
  const Finished put = cluster.Kvctl({"put", "key", "--file", "/nowhere/cat.jpg"});
  EXPECT_EQ(put.code, 1) << put;
  EXPECT_EQ(put.err, "kvctl: read /nowhere/cat.jpg: no such file or directory\n");
  EXPECT_EQ(cluster.Kvctl({"exists", "key"}).code, 3);
}

}  // namespace
}  // namespace kvd::testing
