// Strictness, key by key: what a cluster file may say, and what is refused in which words. Rules
// that are about more than one key are in rules_test.cc.

#include "config/parse.h"

#include <filesystem>
#include <sstream>

#include "config/load.h"
#include "config/print.h"
#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ParseTest, MinimalFileIsAcceptedWithTheDefaults) {
  EXPECT_THAT(Said(kMinimal), IsEmpty());
  const ClusterFile file = Accepted(kMinimal);
  EXPECT_EQ(file.cluster.name, "demo");
  EXPECT_EQ(file.cluster.partitions, 256U);
  EXPECT_EQ(file.cluster.replication, std::nullopt);
  EXPECT_EQ(file.cluster.copies(), 3U);
  EXPECT_EQ(file.limits, Limits{});
  ASSERT_THAT(file.nodes, SizeIs(3));
  EXPECT_EQ(file.nodes[1].address.ToString(), "127.0.0.1:7410");
}

TEST(ParseTest, EveryKeyOfTheReferenceIsRead) {
  constexpr std::string_view kReference = R"(version: 1                       # required
cluster:
  name: demo
  id: 6f1c2a9e-0b1d-4c3e-8f5a-112233445566
  partitions: 256
  replication: 3
topology:
  voters: auto
  heartbeat_interval: 100ms
  remove_after: 5m
  handback_after: 10s
nodes:
  - name: n1
    address: 10.0.0.1:7400
    peer_address: 10.0.0.1:7401
    listen: "0.0.0.0:7400"
    data_dir: /var/lib/kvd/n1
    zone: rack-a
  - { name: n2, address: "10.0.0.2:7400", zone: rack-b }
  - { name: n3, address: "[fd00::3]:7400", zone: rack-c }
defaults:
  data_dir: /var/lib/kvd/${node}
  http_listen: 127.0.0.1:7480
  shards: 0
tls:
  mode: mutual
  ca_file: /etc/kvd/tls/ca.pem
  cert_file: /etc/kvd/tls/${node}.pem
  key_file: /etc/kvd/tls/${node}.key
  uri_prefix: "kvd://demo/"
auth:
  rules:
    - { identity: "kvd://demo/client/app-*", allow: [read, write], prefix: "app/" }
    - { identity: "kvd://demo/admin/*", allow: [read, write, admin] }
limits:
  max_key_bytes: 4KiB
  max_value_bytes: 1MiB
  max_inflight_bytes: 256MiB
  max_connections: 4096
timeouts:
  request: 2s
  request_max: 30s
  peer_connect: 500ms
  drain_delay: 5s
  drain_grace: 20s
rebalance: { max_bytes_per_second: 16MiB, max_concurrent: 2 }
storage:
  block_cache: 256MiB
  write_buffer: 32MiB
  compression: lz4
  min_free: 5%
log: { level: info, format: auto, file: "", keys: hashed }
debug: { reflection: auto, channelz: false }
)";
  EXPECT_THAT(Said(kReference), IsEmpty());
  const ClusterFile file = Accepted(kReference);
  EXPECT_EQ(file.cluster.replication, 3U);
  EXPECT_EQ(file.cluster.id->ToString(), "6f1c2a9e-0b1d-4c3e-8f5a-112233445566");
  EXPECT_EQ(file.nodes[0].options.zone, "rack-a");
  EXPECT_EQ(file.nodes[2].address.host, "fd00::3");
  EXPECT_EQ(file.defaults.http_listen->at->port, 7480);
  EXPECT_EQ(file.tls.mode, TlsMode::kMutual);
  EXPECT_THAT(file.auth.rules[0].allow, ElementsAre(Permission::kRead, Permission::kWrite));
  EXPECT_EQ(file.auth.rules[1].prefix, "");
  // The reference writes the defaults out: what it says is what saying nothing means.
  EXPECT_EQ(file.topology, Topology{});
  EXPECT_EQ(file.limits, Limits{});
  EXPECT_EQ(file.timeouts, Timeouts{});
  EXPECT_EQ(file.rebalance, Rebalance{});
  EXPECT_EQ(file.storage, Storage{});
  EXPECT_EQ(file.log, Log{});
  EXPECT_EQ(file.debug, Debug{});
}

TEST(ParseTest, SampleIsFlawlessAndShowsTheDefaults) {
  EXPECT_THAT(Said(Sample()), IsEmpty());
  const ClusterFile file = Accepted(Sample());
  EXPECT_EQ(file.topology, Topology{});
  EXPECT_EQ(file.limits, Limits{});
  EXPECT_EQ(file.timeouts, Timeouts{});
  EXPECT_EQ(file.rebalance, Rebalance{});
  EXPECT_EQ(file.storage, Storage{});
  EXPECT_EQ(file.log, Log{});
  EXPECT_EQ(file.debug, Debug{});
}

// What a reader gets who removes the # in front of tls: and auth:, as the sample says.
TEST(ParseTest, SampleIsFlawlessWithItsCommentedSectionsToo) {
  std::string text;
  bool commented = false;
  std::istringstream lines{std::string(Sample())};
  for (std::string line; std::getline(lines, line);) {
    const bool begins = line == "# tls:" || line == "# auth:";
    commented = begins || (commented && line.starts_with("#   "));
    text += (commented ? line.substr(2) : line) + "\n";
  }
  EXPECT_THAT(Said(text), IsEmpty()) << text;
  const ClusterFile file = Accepted(text);
  EXPECT_EQ(file.tls.mode, TlsMode::kMutual);
  EXPECT_EQ(file.auth.rules.size(), 2U);
}

TEST(ParseTest, EveryExampleIsFlawless) {
  size_t examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CONFIG_DIR "/examples")) {
    const auto text = Load(entry.path());
    ASSERT_TRUE(text.ok()) << Message(text.status());
    EXPECT_THAT(Said(*text), IsEmpty()) << entry.path();
    ++examples;
  }
  EXPECT_EQ(examples, 4U);
}

TEST(ParseTest, EmptyFileIsAnErrorThatPointsToTheSample) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "~", "\xef\xbb\xbf"}) {
    EXPECT_THAT(Said(text), ElementsAre(HasSubstr("1:1: error: the file is empty"))) << text;
  }
}

TEST(ParseTest, TopMustBeAMap) {
  EXPECT_THAT(Said("- a\n"), ElementsAre(HasSubstr("a cluster file is a map")));
  EXPECT_THAT(Said("hello"), ElementsAre(HasSubstr("a cluster file is a map")));
}

TEST(ParseTest, RequiredKeysAreMissed) {
  EXPECT_THAT(Said("log: {}\n"), ElementsAre("1:1: error: version is missing; it is required",
                                             "1:1: error: cluster is missing; it is required",
                                             "1:1: error: nodes is missing; it is required"));
  EXPECT_THAT(Said("version: 1\ncluster: {}\nnodes:\n  - {}\n"),
              ElementsAre("2:10: error: cluster.name is missing; it is required",
                          "4:5: error: nodes[0].name is missing; it is required",
                          "4:5: error: nodes[0].address is missing; it is required"));
}

TEST(ParseTest, OtherVersionsAreRefused) {
  EXPECT_THAT(Said("version: 2\ncluster: {name: a}\nnodes: [{name: n1, address: 'localhost:1'}]\n"),
              ElementsAre("1:10: error: version is 2, must be 1..1"));
}

TEST(ParseTest, ExactlyOneDocument) {
  EXPECT_THAT(Said(std::string(kMinimal) + "---\nversion: 1\n"),
              ElementsAre(HasSubstr("error: a second document begins here")));
  EXPECT_THAT(Said("---\n" + std::string(kMinimal) + "...\n"), IsEmpty());
}

TEST(ParseTest, UnknownKeysAreRefusedWithASuggestion) {
  EXPECT_THAT(
      Said(MinimalAnd("limit: {}\n")),
      ElementsAre("7:1: error: unknown key 'limit' at the top level; did you mean 'limits'?"));
  EXPECT_THAT(Said(MinimalAnd("storage: { fsync: false }\n")),
              ElementsAre("7:12: error: unknown key 'fsync' in storage"));
  EXPECT_THAT(Said(MinimalAnd("auth: { rules: [{ identity: a, alow: [read] }] }\n")),
              Contains(HasSubstr("unknown key 'alow' in auth.rules[0]; did you mean 'allow'?")));
}

TEST(ParseTest, DuplicateKeysAreRefusedAtEveryLevel) {
  EXPECT_THAT(Said(MinimalAnd("version: 1\n")),
              ElementsAre("7:1: error: duplicate key 'version' (first at 1:1)"));
  EXPECT_THAT(Said(MinimalAnd("log: { level: info, \"level\": warn }\n")),
              ElementsAre("7:21: error: duplicate key 'level' (first at 7:8)"));
}

TEST(ParseTest, KeysAreWords) {
  EXPECT_THAT(Said(MinimalAnd("? [a, b]\n: 1\n")), ElementsAre(HasSubstr("a key must be a word")));
  EXPECT_THAT(Said(MinimalAnd("~: 1\n")), ElementsAre(HasSubstr("a key must be a word")));
}

TEST(ParseTest, ClusterWideKeysCannotBeSetPerNode) {
  EXPECT_THAT(
      Said(FileOf({"name: n1, address: 'localhost:7400', replication: 1"})),
      ElementsAre(
          "4:43: error: 'replication' is cluster-wide: it belongs under 'cluster' and cannot "
          "be set per node"));
  EXPECT_THAT(Said(MinimalAnd("defaults: { heartbeat_interval: 50ms }\n")),
              ElementsAre(HasSubstr("it belongs under 'topology' and cannot be set per node")));
  EXPECT_THAT(Said(MinimalAnd("defaults: { address: 'localhost:1', name: x }\n")), SizeIs(2));
}

TEST(ParseTest, NumbersAreDecimalAndUnquoted) {
  const auto said = [](std::string_view value) {
    return Said(MinimalAnd("limits: { max_connections: " + std::string(value) + " }\n"));
  };
  EXPECT_THAT(said("10"), IsEmpty());
  EXPECT_THAT(said("0700"), ElementsAre(HasSubstr("which YAML reads as octal; write 700")));
  EXPECT_THAT(said("0x1F"), ElementsAre(HasSubstr("in decimal")));
  EXPECT_THAT(said("0o17"), ElementsAre(HasSubstr("in decimal")));
  EXPECT_THAT(said("1e3"), ElementsAre(HasSubstr("not a whole number")));
  EXPECT_THAT(said("-1"), ElementsAre(HasSubstr("not a whole number")));
  EXPECT_THAT(said("'10'"), ElementsAre(HasSubstr("must be a number, without quotes")));
  EXPECT_THAT(said("[10]"), ElementsAre(HasSubstr("here is a list")));
  EXPECT_THAT(said("{}"), ElementsAre(HasSubstr("here is a map")));
  EXPECT_THAT(said("~"), ElementsAre(HasSubstr("here is nothing")));
  EXPECT_THAT(said("0"), ElementsAre(HasSubstr("max_connections is 0, must be 1..1000000")));
  EXPECT_THAT(said("99999999999999999999"), ElementsAre(HasSubstr("is too large")));
}

TEST(ParseTest, BooleansAreTrueOrFalse) {
  for (const char* value : {"yes", "on", "y", "True", "1", "'true'", "~"}) {
    EXPECT_THAT(Said(MinimalAnd("debug: { channelz: " + std::string(value) + " }\n")),
                ElementsAre(HasSubstr("true or false, without quotes")))
        << value;
  }
  EXPECT_TRUE(Accepted(MinimalAnd("debug: { channelz: true }\n")).debug.channelz);
}

TEST(ParseTest, TextThatYamlTakesForSomethingElseNeedsQuotes) {
  for (const char* zone : {"no", "on", "1", "0x10", "1.5", "1e3", "TRUE"}) {
    const std::string unquoted = zone;
    EXPECT_THAT(Said(MinimalAnd("defaults: { zone: " + unquoted + " }\n")),
                Contains(HasSubstr("is not text to YAML; write it in quotes")))
        << zone;
    EXPECT_EQ(Accepted(MinimalAnd("defaults: { zone: \"" + unquoted + "\" }\n")).defaults.zone,
              zone);
  }
}

TEST(ParseTest, ChoicesNameTheAlternatives) {
  EXPECT_THAT(Said(MinimalAnd("tls: { mode: mutal }\n")),
              ElementsAre("7:14: error: mode 'mutal' is none of disabled, server, mutual; did you "
                          "mean 'mutual'?"));
  EXPECT_THAT(Said(MinimalAnd("topology: { voters: 2 }\n")),
              ElementsAre(HasSubstr("voters '2' is none of auto, 1, 3, 5")));
  EXPECT_EQ(Accepted(MinimalAnd("debug: { reflection: true }\n")).debug.reflection,
            Reflection::kOn);
  EXPECT_EQ(Accepted(MinimalAnd("topology: { voters: 3 }\n")).topology.voters, 3U);
}

TEST(ParseTest, EachBoundIsEnforcedAndNamed) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"limits: { max_value_bytes: 5MiB }", "limits.max_value_bytes is 5MiB, must be 1..4MiB"},
      {"limits: { max_key_bytes: 0 }", "limits.max_key_bytes is 0, must be 1..4KiB"},
      {"limits: { max_inflight_bytes: 1MiB }", "must be 8MiB..1TiB"},
      {"topology: { heartbeat_interval: 10ms }", "is 10ms, must be 20ms..200ms"},
      {"topology: { heartbeat_interval: 201ms }", "must be 20ms..200ms"},
      {"topology: { remove_after: 1ms }", "must be 0 or 1s..30d"},
      {"topology: { handback_after: 11m }", "must be 0s..10m"},
      {"storage: { min_free: 51% }", "at most 50%"},
      {"storage: { min_free: 5.5% }", "neither a share nor a size"},
      {"storage: { min_free: '%' }", "neither a share nor a size"},
      {"rebalance: { max_concurrent: 0 }", "must be 1..64"},
      {"defaults: { shards: 65 }", "defaults.shards is 65, must be 0..64"},
      {"timeouts: { request: 5 }", "request: '5' is not a duration"},
      {"tls: { uri_prefix: demo }", "must be a URI that ends in '/'"},
      {"defaults: { data_dir: '/x/${host}' }", "no variable but ${node}"},
      {"defaults: { zone: 'rack a' }", "must be 1 to 63 of letters"},
      {"log: { file: \"a\\nb\" }", "must be a path"},
  };
  for (const auto& [line, message] : bad) {
    EXPECT_THAT(Said(MinimalAnd(line + "\n")), ElementsAre(HasSubstr(message))) << line;
  }
}

TEST(ParseTest, MinFreeIsAShareOrASize) {
  EXPECT_EQ(Accepted(MinimalAnd("storage: { min_free: 10% }\n")).storage.min_free.Of(1000), 100U);
  EXPECT_EQ(Accepted(MinimalAnd("storage: { min_free: 1GiB }\n")).storage.min_free.Of(1000), kGiB);
}

TEST(ParseTest, NamesAreWellFormed) {
  for (const char* name : {"N1", "-n", "n_1", "''", "n.1"}) {
    EXPECT_THAT(Said(FileOf({"name: " + std::string(name) + ", address: 'localhost:7400'"})),
                ElementsAre(HasSubstr("must be 1 to 63 of a-z")))
        << name;
  }
  EXPECT_THAT(Said("version: 1\ncluster: {name: De mo}\nnodes: [{name: a, address: 'a:1'}]\n"),
              Contains(HasSubstr("name 'De mo' must be 1 to 32 of")));
}

TEST(ParseTest, AddressesToDialCanBeDialled) {
  EXPECT_THAT(Said(FileOf({"name: n1, address: '0.0.0.0:7400'"})),
              ElementsAre(HasSubstr("cannot be dialled; write the host's own address")));
  EXPECT_THAT(Said(FileOf({"name: n1, address: 'localhost:0'"})),
              ElementsAre(HasSubstr("address needs a port others can dial")));
  EXPECT_THAT(Said(FileOf({"name: n1, address: localhost"})),
              ElementsAre(HasSubstr("address: 'localhost' has no port")));
  EXPECT_THAT(Said(FileOf({"name: n1, address: 'localhost:7400', listen: 'localhost:0'"})),
              IsEmpty());
}

TEST(ParseTest, HttpCanBeTurnedOff) {
  const ClusterFile file = Accepted(MinimalAnd("defaults: { http_listen: '' }\n"));
  ASSERT_TRUE(file.defaults.http_listen.has_value());
  EXPECT_FALSE(file.defaults.http_listen->at.has_value());
}

TEST(ParseTest, SectionWithAllKeysCommentedOutIsEmpty) {
  EXPECT_THAT(Said(MinimalAnd("limits:\n  # max_connections: 5\nlog:\n")), IsEmpty());
}

TEST(ParseTest, SectionOfTheWrongTypeIsOneErrorOnly) {
  EXPECT_THAT(Said("version: 1\ncluster: demo\nnodes: [{name: a, address: 'localhost:7400'}]\n"),
              ElementsAre("2:10: error: cluster must be a map of keys, here is a single value"));
  EXPECT_THAT(Said("version: 1\ncluster: {name: a}\nnodes: {n1: {}}\n"),
              Contains(HasSubstr("nodes must be a list of maps")));
  EXPECT_THAT(Said(MinimalAnd("auth: { rules: [x] }\n")),
              Contains(HasSubstr("auth.rules[0] must be a map of keys")));
}

TEST(ParseTest, AnchorsAliasesAndTagsAreRefused) {
  EXPECT_THAT(Said(MinimalAnd("log: &l { level: info }\n")),
              ElementsAre(HasSubstr("anchors are not supported; put what nodes share under")));
  EXPECT_THAT(Said(MinimalAnd("log: &l { level: info }\ndebug: *l\n")),
              ElementsAre(HasSubstr("anchors"), HasSubstr("aliases")));
  EXPECT_THAT(Said(MinimalAnd("log: { level: !!str info }\n")), ElementsAre(HasSubstr("tags")));
}

TEST(ParseTest, BrokenYamlHasItsPlace) {
  EXPECT_THAT(Said("version: 1\ncluster: { name: demo\nnodes:\n"),
              ElementsAre(AllOf(HasSubstr("error: not valid YAML: "))));
  EXPECT_THAT(Said("version: 1\ncluster:\n\tname: demo\n"),
              ElementsAre("3:1: error: a tab is used for indentation; use spaces"));
  EXPECT_THAT(Said("version: 1\n\x01\n"),
              ElementsAre(HasSubstr("2:1: error: control character 0x01")));
  EXPECT_THAT(Said("version: 1\nname: \xff\n"),
              ElementsAre(HasSubstr("2:1: error: this line is not UTF-8")));
}

TEST(ParseTest, WindowsLineEndsAndAByteOrderMarkAreHarmless) {
  std::string text = "\xef\xbb\xbf";
  for (const char c : kMinimal) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_THAT(Said(text), IsEmpty());
}

TEST(ParseTest, HugeFilesAreRefusedUnread) {
  EXPECT_THAT(Said(MinimalAnd(std::string(kMiB, '#'))),
              ElementsAre(HasSubstr("1:1: error: the file has")));
}

TEST(ParseTest, DeepNestingIsAnErrorNotACrash) {
  EXPECT_THAT(Said(std::string(100'000, '[')), SizeIs(1));
  EXPECT_THAT(Said(MinimalAnd("log: " + std::string(100'000, '{'))), SizeIs(1));
}

TEST(ParseTest, AllErrorsComeAtOnceInOrder) {
  EXPECT_THAT(Said("version: 2\ncluster: { nam: x }\nnodes: []\nlogs: 1\n"),
              ElementsAre(HasSubstr("1:10: error: version is 2"),
                          HasSubstr("2:10: error: cluster.name is missing"),
                          HasSubstr("2:12: error: unknown key 'nam' in cluster"),
                          HasSubstr("3:8: error: nodes lists no node"),
                          HasSubstr("4:1: error: unknown key 'logs'")));
}

}  // namespace
}  // namespace kvd::config
