#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"
#include "server/storage/data_dir.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

constexpr size_t kUuidBytes = 16;

Uuid ReadUuid(ByteReader& fields) {
  const auto raw = fields.Raw(kUuidBytes);
  return raw ? *Uuid::FromBytes(*raw) : Uuid{};
}

}  // namespace

std::string EncodeIdentity(const Identity& identity) {
  ByteWriter record = BeginRecord(RecordKind::kIdentity);
  record.Raw(identity.node_uuid.ToBytes())
      .String(identity.node_name)
      .String(identity.cluster_name)
      .Raw(identity.cluster_id.ToBytes())
      .Raw(identity.founder_uuid.ToBytes())
      .U64(identity.boot.counter)
      .U64(identity.boot.nonce);
  return Seal(std::move(record));
}

StatusOr<Identity> DecodeIdentity(std::string_view bytes) {
  constexpr std::string_view kName = "identity";
  auto fields = Unseal(RecordKind::kIdentity, bytes);
  if (!fields.ok()) return Annotate(fields.status(), kName);
  Identity identity;
  identity.node_uuid = ReadUuid(*fields);
  identity.node_name = fields->String().value_or("");
  identity.cluster_name = fields->String().value_or("");
  identity.cluster_id = ReadUuid(*fields);
  identity.founder_uuid = ReadUuid(*fields);
  identity.boot.counter = fields->U64().value_or(0);
  identity.boot.nonce = fields->U64().value_or(0);
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), kName);
  return identity;
}

Status CheckBelongsTo(const Identity& identity, std::string_view node_name,
                      std::string_view cluster_name) {
  if (identity.cluster_name != cluster_name) {
    return MakeStatus(
        StatusCode::kFailedPrecondition,
        fmt::format("the data directory belongs to cluster {}, the cluster file describes {}; "
                    "give the node a data directory of its own or use the other cluster's file",
                    Quoted(identity.cluster_name), Quoted(cluster_name)));
  }
  if (identity.node_name != node_name) {
    return MakeStatus(
        StatusCode::kFailedPrecondition,
        fmt::format("the data directory belongs to node {}, this is node {}; give each node a "
                    "data directory of its own or start it under its name",
                    Quoted(identity.node_name), Quoted(node_name)));
  }
  return OkStatus();
}

}  // namespace kvd::storage
