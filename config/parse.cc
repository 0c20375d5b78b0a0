#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/names.h"
#include "config/rules.h"
#include "config/schema.h"
#include "config/section.h"
#include "config/yaml_tree.h"

namespace kvd::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Forms of text.

bool AllOf(std::string_view text, bool (*accepts)(char)) {
  return std::all_of(text.begin(), text.end(), accepts);
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool IsClusterName(std::string_view text) {
  return !text.empty() && text.size() <= 32 && AllOf(text, IsNameCharacter);
}

bool IsZone(std::string_view text) {
  return !text.empty() && text.size() <= 63 && AllOf(text, [](char c) {
    return IsNameCharacter(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_';
  });
}

bool IsPrintable(std::string_view text) {
  return AllOf(text, [](char c) { return static_cast<uint8_t>(c) >= 0x20 && c != 0x7f; });
}

bool IsPath(std::string_view text) {
  if (text.empty() || text.size() > 1024 || !IsPrintable(text)) return false;
  for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    if (!text.substr(at).starts_with("${node}")) return false;
  }
  return true;
}

bool IsPathOrNothing(std::string_view text) {
  return text.empty() || (IsPath(text) && text.find("${") == std::string_view::npos);
}

bool IsIdentity(std::string_view text) {
  return !text.empty() && text.size() <= 512 && IsPrintable(text) &&
         text.find(' ') == std::string_view::npos;
}

bool IsUriPrefix(std::string_view text) {
  const size_t scheme = text.find("://");
  return IsIdentity(text) && scheme != std::string_view::npos && scheme > 0 && text.ends_with('/');
}

bool IsKeyPrefix(std::string_view text) {
  return text.size() <= 4 * kKiB && IsPrintable(text);
}

constexpr TextForm kClusterName = {IsClusterName, "1 to 32 of a-z, 0-9 and '-'"};
constexpr TextForm kNodeName = {IsNodeName, "1 to 63 of a-z, 0-9 and '-', not beginning with '-'"};
constexpr TextForm kZone = {IsZone, "1 to 63 of letters, digits, '.', '_' and '-'"};
constexpr TextForm kPath = {IsPath, "a path of at most 1024 bytes, with no variable but ${node}"};
constexpr TextForm kPathOrNothing = {IsPathOrNothing,
                                     "a path of at most 1024 bytes without variables, or \"\""};
constexpr TextForm kIdentity = {IsIdentity, "an identity like kvd://demo/client/app-*"};
constexpr TextForm kUriPrefix = {IsUriPrefix, "a URI that ends in '/', like kvd://demo/"};
constexpr TextForm kKeyPrefix = {IsKeyPrefix, "printable text of at most 4 KiB"};

// Values with a form of their own.

StatusOr<Uuid> ParseUuid(std::string_view text) {
  if (const auto id = Uuid::Parse(text); id && !id->is_nil()) return *id;
  return MakeStatus(StatusCode::kInvalidArgument,
                    InQuotes(text) + " is not a cluster id; copy it from: kvctl status -o json");
}

StatusOr<MinFree> ParseMinFree(std::string_view text) {
  const auto refused = [text](std::string_view why) {
    return MakeStatus(StatusCode::kInvalidArgument, fmt::format("{} {}", InQuotes(text), why));
  };
  if (!text.ends_with('%')) {
    const auto size = ParseSize(text);
    if (!size.ok()) return refused("is neither a share nor a size (examples: 5%, 10GiB)");
    return MinFree{.percent = 0, .bytes = *size};
  }
  const auto percent = ParseNumber(text.substr(0, text.size() - 1));
  if (!percent.ok()) return refused("is neither a share nor a size (examples: 5%, 10GiB)");
  if (*percent > 50) return refused("keeps more than half of the disk free; at most 50%");
  return MinFree{.percent = static_cast<uint32_t>(*percent), .bytes = 0};
}

// The schema: one function per section, in the order of the file.

template <typename To, typename From>
void Set(To& to, std::optional<From> from) {
  if (from) to = *std::move(from);
}

void ReadCluster(Section in, Cluster& out) {
  Set(out.name, in.Text("name", kClusterName));
  in.Require("name");
  Set(out.id, in.Parsed<Uuid>("id", KeyKind::kText, ParseUuid));
  Set(out.partitions, in.Number("partitions", {kMinPartitions, kMaxPartitions}));
  Set(out.replication, in.Number("replication", {1, kMaxReplication}));
  in.End();
}

void ReadTopology(Section in, Topology& out) {
  Set(out.voters, in.OneOf("voters", kVoters));
  Set(out.heartbeat_interval,
      in.Interval("heartbeat_interval", {milliseconds(20), milliseconds(200)}));
  Set(out.remove_after,
      in.Interval("remove_after", {.low = seconds(1), .high = hours(24 * 30), .or_zero = true}));
  Set(out.handback_after, in.Interval("handback_after", {seconds(0), minutes(10)}));
  in.End();
}

// A node that could override these would run another cluster.
void RefuseClusterWideKeys(Section& in) {
  for (const char* key : {"cluster", "id", "partitions", "replication"}) {
    in.Refuse(key, "is cluster-wide: it belongs under 'cluster' and cannot be set per node");
  }
  for (const char* key :
       {"topology", "voters", "heartbeat_interval", "remove_after", "handback_after"}) {
    in.Refuse(key, "is cluster-wide: it belongs under 'topology' and cannot be set per node");
  }
}

void ReadNodeOptions(Section& in, NodeOptions& out) {
  Set(out.peer_address, in.Address("peer_address", AddressUse::kDial));
  Set(out.listen, in.Address("listen", AddressUse::kBind));
  Set(out.peer_listen, in.Address("peer_listen", AddressUse::kBind));
  Set(out.http_listen, in.Parsed<HttpListen>("http_listen", KeyKind::kAddress, HttpListen::Parse));
  Set(out.data_dir, in.Text("data_dir", kPath));
  Set(out.zone, in.Text("zone", kZone));
  Set(out.shards, in.Number("shards", {0, 64}));
  RefuseClusterWideKeys(in);
}

void ReadNode(Section in, NodeEntry& out) {
  Set(out.name, in.Text("name", kNodeName));
  in.Require("name");
  Set(out.address, in.Address("address", AddressUse::kDial));
  in.Require("address");
  ReadNodeOptions(in, out.options);
  in.End();
}

void ReadDefaults(Section in, NodeOptions& out) {
  for (const char* key : {"name", "address"}) {
    in.Refuse(key, "is each node's own: it belongs under 'nodes'");
  }
  ReadNodeOptions(in, out);
  in.End();
}

void ReadTls(Section in, Tls& out) {
  Set(out.mode, in.OneOf("mode", kTlsModes));
  Set(out.allow_insecure, in.Boolean("allow_insecure"));
  Set(out.ca_file, in.Text("ca_file", kPath));
  Set(out.cert_file, in.Text("cert_file", kPath));
  Set(out.key_file, in.Text("key_file", kPath));
  Set(out.uri_prefix, in.Text("uri_prefix", kUriPrefix));
  in.End();
}

void ReadRule(Section in, AuthRule& out) {
  Set(out.identity, in.Text("identity", kIdentity));
  in.Require("identity");
  out.allow = in.SomeOf("allow", kPermissions);
  in.Require("allow");
  Set(out.prefix, in.Text("prefix", kKeyPrefix));
  in.End();
}

void ReadAuth(Section in, Auth& out) {
  for (Section& rule : in.Each("rules")) ReadRule(std::move(rule), out.rules.emplace_back());
  in.End();
}

void ReadLimits(Section in, Limits& out) {
  Set(out.max_key_bytes, in.Size("max_key_bytes", {1, 4 * kKiB}));
  Set(out.max_value_bytes, in.Size("max_value_bytes", {1, 4 * kMiB}));
  Set(out.max_inflight_bytes, in.Size("max_inflight_bytes", {8 * kMiB, kTiB}));
  Set(out.max_connections, in.Number("max_connections", {1, 1'000'000}));
  in.End();
}

void ReadTimeouts(Section in, Timeouts& out) {
  Set(out.request, in.Interval("request", {milliseconds(1), hours(1)}));
  Set(out.request_max, in.Interval("request_max", {milliseconds(1), hours(1)}));
  Set(out.peer_connect, in.Interval("peer_connect", {milliseconds(10), minutes(1)}));
  Set(out.drain_delay, in.Interval("drain_delay", {seconds(0), minutes(10)}));
  Set(out.drain_grace, in.Interval("drain_grace", {seconds(0), minutes(10)}));
  in.End();
}

void ReadRebalance(Section in, Rebalance& out) {
  Set(out.max_bytes_per_second, in.Size("max_bytes_per_second", {64 * kKiB, kTiB}));
  Set(out.max_concurrent, in.Number("max_concurrent", {1, 64}));
  in.End();
}

void ReadStorage(Section in, Storage& out) {
  Set(out.block_cache, in.Size("block_cache", {kMiB, 16 * kTiB}));
  Set(out.write_buffer, in.Size("write_buffer", {kMiB, kGiB}));
  Set(out.compression, in.OneOf("compression", kCompressions));
  Set(out.min_free, in.Parsed<MinFree>("min_free", KeyKind::kShare, ParseMinFree));
  in.End();
}

void ReadLog(Section in, Log& out) {
  Set(out.level, in.OneOf("level", kLogLevels));
  Set(out.format, in.OneOf("format", kLogFormats));
  Set(out.file, in.Text("file", kPathOrNothing));
  Set(out.keys, in.OneOf("keys", kLogKeys));
  in.End();
}

void ReadDebug(Section in, Debug& out) {
  Set(out.reflection, in.OneOf("reflection", kReflections));
  Set(out.channelz, in.Boolean("channelz"));
  in.End();
}

void ReadFile(Section in, ClusterFile& out) {
  Set(out.version, in.Number("version", {1, 1}));
  in.Require("version");
  ReadCluster(in.Sub("cluster"), out.cluster);
  in.Require("cluster");
  ReadTopology(in.Sub("topology"), out.topology);
  for (Section& node : in.Each("nodes")) ReadNode(std::move(node), out.nodes.emplace_back());
  in.Require("nodes");
  ReadDefaults(in.Sub("defaults"), out.defaults);
  ReadTls(in.Sub("tls"), out.tls);
  ReadAuth(in.Sub("auth"), out.auth);
  ReadLimits(in.Sub("limits"), out.limits);
  ReadTimeouts(in.Sub("timeouts"), out.timeouts);
  ReadRebalance(in.Sub("rebalance"), out.rebalance);
  ReadStorage(in.Sub("storage"), out.storage);
  ReadLog(in.Sub("log"), out.log);
  ReadDebug(in.Sub("debug"), out.debug);
  in.End();
}

}  // namespace

std::vector<KnownKey> KnownKeys() {
  Reading reading(/*describing=*/true);
  ClusterFile nothing;
  ReadFile(Section(reading, nullptr, ""), nothing);
  return reading.TakeKeys();
}

ParseResult Parse(std::string_view text, ParseOptions options) {
  YamlTree tree = ReadYaml(text);
  if (!tree.root) return {std::nullopt, std::move(tree.errors)};

  Reading reading;
  ClusterFile file;
  if (tree.root->kind == YamlNode::Kind::kNull) {
    reading.Error({}, "the file is empty; see a commented one with: kvd --print-config=sample");
  } else if (tree.root->kind != YamlNode::Kind::kMap) {
    reading.Error(tree.root->place, "a cluster file is a map of keys, beginning with: version: 1");
  } else {
    ReadFile(Section(reading, &*tree.root, ""), file);
    CheckRules(file, options.joins || file.cluster.id, reading);
  }
  ParseResult result{std::nullopt, reading.TakeDiagnostics()};
  Sort(result.diagnostics);
  if (!HasErrors(result.diagnostics)) result.file = std::move(file);
  return result;
}

}  // namespace kvd::config
