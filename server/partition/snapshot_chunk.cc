// The codec of chunks.

#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/partition/snapshot.h"

namespace kvd::partition {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kChecksumBytes = 4;

Status Damaged(std::string_view why) {
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("chunk of a snapshot: damaged ({}); send it again", why));
}

// The counts are not trusted: memory grows with the records that are there.
void ReadSessions(ByteReader& in, SnapshotChunk& chunk) {
  const uint32_t count = in.U32().value_or(0);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    const uint64_t client = in.U64().value_or(0);
    chunk.sessions.push_back({.client = client, .state = std::string(in.String().value_or(""))});
  }
}

void ReadValues(ByteReader& in, SnapshotChunk& chunk) {
  const uint32_t count = in.U32().value_or(0);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    storage::StoredKey value;
    value.key = in.String().value_or("");
    value.value.version = in.U64().value_or(0);
    value.value.value = in.String().value_or("");
    chunk.values.push_back(std::move(value));
  }
}

SnapshotChunk::End ReadEnd(ByteReader& in) {
  SnapshotChunk::End end;
  end.keys = in.U64().value_or(0);
  end.value_bytes = in.U64().value_or(0);
  end.sessions = in.U64().value_or(0);
  end.floor = in.U64().value_or(0);
  end.configuration = in.String().value_or("");
  return end;
}

}  // namespace

std::string EncodeChunk(const SnapshotChunk& chunk) {
  ByteWriter out;
  out.U8(kFormat).U32(chunk.partition.value).U64(chunk.index).U64(chunk.term);
  out.U32(chunk.sequence).U8(chunk.end ? 1 : 0);
  out.U32(static_cast<uint32_t>(chunk.sessions.size()));
  for (const auto& session : chunk.sessions) out.U64(session.client).String(session.state);
  out.U32(static_cast<uint32_t>(chunk.values.size()));
  for (const auto& [key, value] : chunk.values) {
    out.String(key).U64(value.version).String(value.value);
  }
  if (const auto& end = chunk.end) {
    out.U64(end->keys).U64(end->value_bytes).U64(end->sessions).U64(end->floor);
    out.String(end->configuration);
  }
  out.U32(Checksum32(out.bytes()));
  return out.Take();
}

StatusOr<SnapshotChunk> DecodeChunk(std::string_view bytes) {
  if (bytes.size() <= kChecksumBytes) return Damaged("too short");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Checksum32(body) != *ByteReader(bytes.substr(body.size())).U32()) return Damaged("checksum");

  ByteReader in(body);
  if (const uint8_t format = *in.U8(); format > kFormat) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("chunk of a snapshot: in format {}, this kvd reads up to format "
                                  "{}; upgrade this node",
                                  format, kFormat));
  } else if (format == 0) {
    return Damaged("format 0");
  }
  SnapshotChunk chunk;
  chunk.partition.value = in.U32().value_or(0);
  chunk.index = in.U64().value_or(0);
  chunk.term = in.U64().value_or(0);
  chunk.sequence = in.U32().value_or(0);
  const uint8_t last = in.U8().value_or(0);
  ReadSessions(in, chunk);
  ReadValues(in, chunk);
  if (last == 1) chunk.end = ReadEnd(in);
  if (!in.exhausted() || last > 1) return Damaged("fields are missing or too many");
  return chunk;
}

}  // namespace kvd::partition
