// kvctl's commands on keys: exact outputs and exit codes, as scripts rely on them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/hash.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Field;

auto Ends(int code, const std::string& out, const std::string& err = "") {
  return AllOf(Field("code", &Finished::code, code), Field("out", &Finished::out, out),
               Field("err", &Finished::err, err));
}

TEST(KvctlDataTest, PutGetAndDelDoWhatTheyPrint) {
  const Cluster cluster;
  EXPECT_THAT(cluster.Kvctl({"put", "greeting", "hello world"}), Ends(0, "OK\n"));
  for (int node = 1; node <= 3; ++node) {
    EXPECT_THAT(cluster.KvctlAt(node, {"get", "greeting"}), Ends(0, "hello world"));
  }
  EXPECT_THAT(cluster.Kvctl({"exists", "greeting"}), Ends(0, ""));
  EXPECT_THAT(cluster.Kvctl({"del", "greeting"}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"exists", "greeting"}), Ends(3, ""));
  EXPECT_THAT(cluster.Kvctl({"get", "greeting"}),
              Ends(3, "", "kvctl: key \"greeting\" not found\n"));
  EXPECT_THAT(cluster.Kvctl({"del", "greeting"}),
              Ends(3, "", "kvctl: key \"greeting\" not found\n"));
  EXPECT_THAT(cluster.Kvctl({"del", "greeting", "--missing-ok"}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "greeting", "--default", "hi"}), Ends(0, "hi"));
  EXPECT_THAT(cluster.Kvctl({"put", "greeting", "again", "--quiet"}), Ends(0, ""));
}

// Versions are indexes of the partition's log, in which its owners leave entries of their own.
TEST(KvctlDataTest, MetaAndJsonTellVersionPartitionAndOwner) {
  const Cluster cluster;
  const Finished first = cluster.Kvctl({"put", "lock", "me", "--print-version"});
  const Finished second = cluster.Kvctl({"put", "lock", "you", "--print-version"});
  ASSERT_EQ(first.code + second.code, 0) << first << second;
  const uint64_t version = std::stoull(second.out);
  EXPECT_GT(version, std::stoull(first.out));

  const uint32_t partition = PartitionOf("lock", 256).value;
  const Finished get = cluster.Kvctl({"get", "lock", "-o", "json"});
  EXPECT_EQ(get.code, 0) << get;
  const std::string owner = json::parse(get.out).at("owner");
  EXPECT_EQ(get.out, fmt::format(R"({{"key":"lock","value":"you","encoding":"utf-8","version":{},)"
                                 R"("partition":{},"owner":"{}"}})"
                                 "\n",
                                 version, partition, owner));
  EXPECT_THAT(
      cluster.Kvctl({"get", "lock", "--with-meta"}),
      Ends(0, fmt::format(
                  "key        lock\nvalue      you\nversion    {}\npartition  {}\nowner      {}\n",
                  version, partition, owner)));
  EXPECT_THAT(cluster.Kvctl({"put", "lock", "x", "-o", "json"}),
              Ends(0, fmt::format(R"({{"key":"lock","encoding":"utf-8","written":true,)"
                                  R"("version":{},"partition":{},"owner":"{}"}})"
                                  "\n",
                                  version + 1, partition, owner)));
}

TEST(KvctlDataTest, SeveralKeysAreReportedOneByOne) {
  const Cluster cluster;
  for (const std::string key : {"a", "c"}) EXPECT_EQ(cluster.Kvctl({"put", key, "v"}).code, 0);
  EXPECT_THAT(cluster.Kvctl({"exists", "a", "c"}), Ends(0, ""));
  const Finished exists = cluster.Kvctl({"exists", "a", "b", "-o", "json"});
  EXPECT_EQ(exists.code, 3) << exists;
  const size_t line = exists.out.find('\n');
  EXPECT_EQ(json::parse(exists.out.substr(0, line)).at("exists"), true);
  EXPECT_EQ(json::parse(exists.out.substr(line)).at("exists"), false);
  EXPECT_THAT(cluster.Kvctl({"del", "a", "b", "c"}), Ends(3, "", "kvctl: key \"b\" not found\n"));
  EXPECT_THAT(cluster.Kvctl({"exists", "a"}), Ends(3, ""));
  EXPECT_THAT(cluster.Kvctl({"exists", "c"}), Ends(3, ""));
}

TEST(KvctlDataTest, ErrorsAreObjectsTooIfAskedFor) {
  const Cluster cluster;
  const Finished get = cluster.Kvctl({"get", "nosuch", "-o", "json"});
  EXPECT_THAT(get, Ends(3, "",
                        "{\"error\":{\"reason\":\"NOT_FOUND\",\"message\":\"key \\\"nosuch\\\" "
                        "not found\",\"exit_code\":3}}\n"));
  const Finished put = cluster.Kvctl({"put", "key", "-", "-o", "json"}, std::string(1048577, 'x'));
  EXPECT_EQ(put.code, 9) << put.err;
  const auto error = json::parse(put.err).at("error");
  EXPECT_EQ(error.at("reason"), "VALUE_TOO_LARGE");
  EXPECT_EQ(error.at("exit_code"), 9);
  EXPECT_EQ(error.at("limit"), 1048576);
}

TEST(KvctlDataTest, BytesArriveAsTheyWereGiven) {
  const Cluster cluster;
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  const std::string in_file = (cluster.folder() / "in").string();
  const std::string out_file = (cluster.folder() / "out").string();
  WriteWholeFile(in_file, bytes);

  EXPECT_THAT(cluster.Kvctl({"put", "photo:1", "--file", in_file}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "photo:1", "--out", out_file}), Ends(0, ""));
  EXPECT_EQ(ReadWholeFile(out_file), bytes);
  EXPECT_THAT(cluster.Kvctl({"get", "photo:1"}), Ends(0, bytes));

  EXPECT_THAT(cluster.Kvctl({"put", "stdin", "-"}, bytes + "\n"), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "stdin"}), Ends(0, bytes + "\n"));
  EXPECT_THAT(cluster.Kvctl({"put", "empty", "--empty"}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "empty"}), Ends(0, ""));

  EXPECT_THAT(cluster.Kvctl({"put", "00ff", "v", "--key-encoding", "hex"}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "AP8=", "--key-encoding", "base64"}), Ends(0, "v"));
  const Finished json_get = cluster.Kvctl({"get", "00ff", "--key-encoding", "hex", "-o", "json"});
  EXPECT_EQ(json::parse(json_get.out).at("encoding"), "base64");
  EXPECT_EQ(json::parse(json_get.out).at("key"), "AP8=");
  EXPECT_THAT(cluster.Kvctl({"put", "--", "-k", "-v"}), Ends(0, "OK\n"));
  EXPECT_THAT(cluster.Kvctl({"get", "-o", "hex", "--", "-k"}), Ends(0, "2d76\n"));
}

}  // namespace
}  // namespace kvd::testing
