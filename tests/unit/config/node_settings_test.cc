// Merging: what one node runs with, and what overrides may not break.

#include "config/node_settings.h"

#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::HasSubstr;

HostPort At(std::string_view text) {
  return *HostPort::Parse(text);
}

TEST(NodeSettingsTest, BuiltInsFollowTheAddress) {
  const NodeSettings n2 = Resolve(Accepted(kMinimal), 1);
  EXPECT_EQ(n2.name, "n2");
  EXPECT_EQ(n2.peer_address, At("127.0.0.1:7411"));
  EXPECT_EQ(n2.listen, At("127.0.0.1:7410"));
  EXPECT_EQ(n2.peer_listen, At("127.0.0.1:7411"));
  EXPECT_EQ(n2.http_listen, At("127.0.0.1:7490"));
  EXPECT_EQ(n2.data_dir, "/var/lib/kvd/n2");
  EXPECT_EQ(n2.zone, "");
  EXPECT_EQ(n2.shards, 0U);
  EXPECT_EQ(n2.uri_prefix, "kvd://demo/");
}

TEST(NodeSettingsTest, HttpStaysOnLoopbackUnlessToldOtherwise) {
  const ClusterFile file =
      Accepted(FileOf({"name: n1, address: '10.0.0.1:7400'"}, "tls: { allow_insecure: true }\n"));
  EXPECT_EQ(Resolve(file, 0).http_listen, At("127.0.0.1:7480"));
}

TEST(NodeSettingsTest, NodeBeatsDefaultsBeatBuiltIns) {
  const ClusterFile file = Accepted(FileOf(
      {"name: n1, address: 'localhost:7400', zone: a, shards: 2, http_listen: ''",
       "name: n2, address: 'localhost:7410'"},
      "defaults: { zone: b, shards: 4, http_listen: 'localhost:9999', data_dir: 'd/${node}' }\n"));
  EXPECT_EQ(Resolve(file, 0).zone, "a");
  EXPECT_EQ(Resolve(file, 0).shards, 2U);
  EXPECT_EQ(Resolve(file, 0).http_listen, std::nullopt);
  EXPECT_EQ(Resolve(file, 1).zone, "b");
  EXPECT_EQ(Resolve(file, 1).shards, 4U);
  EXPECT_EQ(Resolve(file, 1).http_listen, At("localhost:9999"));
  EXPECT_EQ(Resolve(file, 1).data_dir, "d/n2");
}

TEST(NodeSettingsTest, OverridesBeatTheFile) {
  const ClusterFile file = Accepted(MinimalAnd("defaults: { data_dir: 'd/${node}' }\n"));
  const NodeSettings settings = Resolve(file, 0,
                                        {.data_dir = "/elsewhere",
                                         .listen = At("127.0.0.1:1"),
                                         .peer_listen = At("127.0.0.1:2"),
                                         .http_listen = HttpListen{},
                                         .log_level = LogLevel::kDebug,
                                         .log_format = LogFormat::kJson});
  EXPECT_EQ(settings.data_dir, "/elsewhere");
  EXPECT_EQ(settings.listen, At("127.0.0.1:1"));
  EXPECT_EQ(settings.peer_listen, At("127.0.0.1:2"));
  EXPECT_EQ(settings.http_listen, std::nullopt);
  EXPECT_EQ(settings.log_level, LogLevel::kDebug);
  EXPECT_EQ(settings.log_format, LogFormat::kJson);
  EXPECT_EQ(settings.address, At("127.0.0.1:7400"));  // What others dial is the file's alone.
}

TEST(NodeSettingsTest, NodeNameStandsWhereverTheVariableDoes) {
  const ClusterFile file = Accepted(FileOf({"name: n1, address: 'localhost:7400'"},
                                           "tls: { mode: mutual, ca_file: /ca, cert_file: "
                                           "'/${node}/${node}.pem', key_file: '${node}' }\n"));
  const NodeSettings settings = Resolve(file, 0);
  EXPECT_EQ(settings.ca_file, "/ca");
  EXPECT_EQ(settings.cert_file, "/n1/n1.pem");
  EXPECT_EQ(settings.key_file, "n1");
}

TEST(NodeSettingsTest, OverridesMayNotExposePlaintext) {
  const ClusterFile file = Accepted(kMinimal);
  EXPECT_TRUE(CheckOverridden(file, Resolve(file, 0)).ok());
  EXPECT_THAT(Message(CheckOverridden(file, Resolve(file, 0, {.listen = At("0.0.0.0:7400")}))),
              HasSubstr("n1 would listen on 0.0.0.0:7400 without TLS"));
  const ClusterFile allowed = Accepted(MinimalAnd("tls: { allow_insecure: true }\n"));
  EXPECT_TRUE(CheckOverridden(allowed, Resolve(allowed, 0, {.listen = At("0.0.0.0:7400")})).ok());
}

TEST(NodeSettingsTest, OverriddenListenersMayNotClash) {
  const ClusterFile file = Accepted(kMinimal);
  EXPECT_THAT(Message(CheckOverridden(file, Resolve(file, 0, {.listen = At("127.0.0.1:7401")}))),
              HasSubstr("peer_listen 127.0.0.1:7401 of n1 clashes with its listen"));
  EXPECT_TRUE(
      CheckOverridden(
          file, Resolve(file, 0, {.listen = At("127.0.0.1:0"), .peer_listen = At("127.0.0.1:0")}))
          .ok());
}

}  // namespace
}  // namespace kvd::config
