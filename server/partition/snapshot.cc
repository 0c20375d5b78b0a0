#include "server/partition/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"

namespace kvd::partition {
namespace {

constexpr size_t kReadAtOnce = 64;  // Sessions, or values of up to a few MiB each.

uint64_t SizeOf(const storage::StoredSession& session) {
  return 12 + session.state.size();
}

uint64_t SizeOf(const storage::StoredKey& value) {
  return 16 + value.key.size() + value.value.value.size();
}

// The smallest key above `key`.
std::string After(std::string key) {
  return std::move(key) + '\0';
}

// Calls `see` for every session, then every value.
template <typename See>
Status VisitAll(const storage::PartitionView& view, See see) {
  std::optional<uint64_t> client = 0;
  while (client) {
    KVD_ASSIGN_OR_RETURN(const auto sessions, view.ScanSessions(*client, kReadAtOnce));
    for (const storage::StoredSession& session : sessions) see(session);
    const bool end = sessions.size() < kReadAtOnce || sessions.back().client == ~uint64_t{0};
    client = end ? std::nullopt : std::optional(sessions.back().client + 1);
  }
  std::optional<std::string> key = "";
  while (key) {
    KVD_ASSIGN_OR_RETURN(const auto values, view.Scan(*key, kReadAtOnce));
    for (const storage::StoredKey& value : values) see(value);
    key = values.size() < kReadAtOnce ? std::nullopt : std::optional(After(values.back().key));
  }
  return OkStatus();
}

// Each record is hashed together with the hash of all before it.
class Digest {
 public:
  void operator()(const storage::StoredSession& session) {
    Add(ByteWriter().U64(hash_).U64(session.client).String(session.state));
  }
  void operator()(const storage::StoredKey& value) {
    Add(ByteWriter()
            .U64(hash_)
            .String(value.key)
            .U64(value.value.version)
            .String(value.value.value));
  }
  // Neither the generation nor how it came: they differ between replicas.
  void operator()(const storage::AppliedRecord& applied) {
    Add(ByteWriter().U64(hash_).U64(applied.index).U64(applied.term).U64(applied.keys));
    Add(ByteWriter()
            .U64(hash_)
            .U64(applied.value_bytes)
            .U64(applied.floor)
            .String(applied.configuration));
  }

  [[nodiscard]] uint64_t hash() const { return hash_; }

 private:
  void Add(const ByteWriter& bytes) { hash_ = Hash64(bytes.bytes()); }

  uint64_t hash_ = 0;
};

}  // namespace

SnapshotReader::SnapshotReader(PartitionId partition, std::unique_ptr<storage::PartitionView> view)
    : partition_(partition), view_(std::move(view)) {}

StatusOr<bool> SnapshotReader::HasSession() {
  if (!sessions_.empty() || !next_client_) return !sessions_.empty();
  KVD_ASSIGN_OR_RETURN(auto sessions, view_->ScanSessions(*next_client_, kReadAtOnce));
  const bool end = sessions.size() < kReadAtOnce || sessions.back().client == ~uint64_t{0};
  next_client_ = end ? std::nullopt : std::optional(sessions.back().client + 1);
  std::ranges::move(sessions, std::back_inserter(sessions_));
  return !sessions_.empty();
}

StatusOr<bool> SnapshotReader::HasValue() {
  if (!values_.empty() || !next_key_) return !values_.empty();
  KVD_ASSIGN_OR_RETURN(auto values, view_->Scan(*next_key_, kReadAtOnce));
  next_key_ = values.size() < kReadAtOnce ? std::nullopt : std::optional(After(values.back().key));
  std::ranges::move(values, std::back_inserter(values_));
  return !values_.empty();
}

StatusOr<std::string> SnapshotReader::Next(uint64_t max_bytes) {
  KVD_CHECK(!done_, "the last chunk has been read");
  SnapshotChunk chunk{.partition = partition_,
                      .index = point().index,
                      .term = point().term,
                      .sequence = sequence_++};
  uint64_t bytes = 0;
  const auto fits = [&](const auto& record) {
    const uint64_t with_it = bytes + SizeOf(record);
    return std::exchange(bytes, with_it) == 0 || with_it <= max_bytes;
  };
  while (true) {
    KVD_ASSIGN_OR_RETURN(const bool more, HasSession());
    if (!more) break;
    if (!fits(sessions_.front())) return EncodeChunk(chunk);
    chunk.sessions.push_back(std::move(sessions_.front()));
    sessions_.pop_front();
    ++sent_sessions_;
  }
  while (true) {
    KVD_ASSIGN_OR_RETURN(const bool more, HasValue());
    if (!more) break;
    if (!fits(values_.front())) return EncodeChunk(chunk);
    chunk.values.push_back(std::move(values_.front()));
    values_.pop_front();
  }
  chunk.end = SnapshotChunk::End{.keys = point().keys,
                                 .value_bytes = point().value_bytes,
                                 .sessions = sent_sessions_,
                                 .floor = point().floor,
                                 .configuration = point().configuration};
  done_ = true;
  return EncodeChunk(chunk);
}

SnapshotWriter::SnapshotWriter(storage::Store& store, PartitionId partition,
                               storage::Generation in_use)
    : store_(&store), partition_(partition), generation_(in_use + 1) {}

Status SnapshotWriter::Begin() {
  storage::StoreBatch batch;
  batch.Add(storage::StoreBatch::DropGeneration{partition_, generation_});
  return store_->Write(std::move(batch));
}

Status SnapshotWriter::Refuse(const SnapshotChunk& chunk, std::string_view why) const {
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("chunk {} of the snapshot of partition {} at index {}: {}; begin "
                                "the snapshot again",
                                chunk.sequence, chunk.partition.value, chunk.index, why));
}

Status SnapshotWriter::Check(const SnapshotChunk& chunk) const {
  if (chunk.partition != partition_) {
    return Refuse(chunk, fmt::format("partition {} is being received", partition_.value));
  }
  if (chunk.index == 0) return Refuse(chunk, "nothing has no snapshot");
  if (next_sequence_ > 0 && (chunk.index != index_ || chunk.term != term_)) {
    return Refuse(chunk, fmt::format("the snapshot at index {} is being received", index_));
  }
  return OkStatus();
}

Status SnapshotWriter::CheckOrder(const SnapshotChunk& chunk) const {
  if (chunk.sequence != next_sequence_ || end_) {
    return Refuse(chunk, fmt::format("chunk {} should come next", next_sequence_));
  }
  if (!chunk.sessions.empty() && last_key_) return Refuse(chunk, "sessions come before values");
  std::optional<uint64_t> client = last_client_;
  for (const storage::StoredSession& session : chunk.sessions) {
    if (client && session.client <= *client) return Refuse(chunk, "its sessions are out of order");
    client = session.client;
  }
  const std::string* key = last_key_ ? &*last_key_ : nullptr;
  for (const storage::StoredKey& value : chunk.values) {
    if (key != nullptr && value.key <= *key) return Refuse(chunk, "its keys are out of order");
    if (value.value.version > chunk.index) return Refuse(chunk, "a version is above its index");
    key = &value.key;
  }
  return OkStatus();
}

void SnapshotWriter::Count(const SnapshotChunk& chunk) {
  index_ = chunk.index;
  term_ = chunk.term;
  ++next_sequence_;
  sums_.sessions += chunk.sessions.size();
  sums_.keys += chunk.values.size();
  for (const auto& [key, value] : chunk.values) {
    sums_.value_bytes += key.size() + value.value.size();
  }
  if (!chunk.sessions.empty()) last_client_ = chunk.sessions.back().client;
  if (!chunk.values.empty()) last_key_ = chunk.values.back().key;
}

Status SnapshotWriter::CheckSums(const SnapshotChunk& chunk) const {
  if (sums_.keys == chunk.end->keys && sums_.value_bytes == chunk.end->value_bytes &&
      sums_.sessions == chunk.end->sessions) {
    return OkStatus();
  }
  return Refuse(chunk, fmt::format("it ends with {} keys, {} bytes and {} sessions, and {}, {} and "
                                   "{} have arrived",
                                   chunk.end->keys, chunk.end->value_bytes, chunk.end->sessions,
                                   sums_.keys, sums_.value_bytes, sums_.sessions));
}

Status SnapshotWriter::Add(std::string_view bytes) {
  KVD_ASSIGN_OR_RETURN(SnapshotChunk chunk, DecodeChunk(bytes));
  KVD_RETURN_IF_ERROR(Check(chunk));
  if (chunk.sequence < next_sequence_) return OkStatus();
  KVD_RETURN_IF_ERROR(CheckOrder(chunk));
  Count(chunk);
  if (chunk.end) KVD_RETURN_IF_ERROR(CheckSums(chunk));

  storage::StoreBatch batch;
  for (storage::StoredSession& session : chunk.sessions) {
    batch.Add(storage::StoreBatch::PutSession{partition_, generation_, std::move(session)});
  }
  for (auto& [key, value] : chunk.values) {
    batch.Add(storage::StoreBatch::Put{partition_, generation_, std::move(key), std::move(value)});
  }
  if (!batch.empty()) KVD_RETURN_IF_ERROR(store_->Write(std::move(batch)));
  end_ = std::move(chunk.end);
  return OkStatus();
}

storage::AppliedRecord SnapshotWriter::received() const {
  KVD_CHECK(complete(), "every chunk has been added");
  return {.index = index_,
          .term = term_,
          .generation = generation_,
          .keys = end_->keys,
          .value_bytes = end_->value_bytes,
          .configuration = end_->configuration,
          .floor = end_->floor,
          .snapshot_index = index_};
}

StatusOr<uint64_t> DigestOf(const storage::PartitionView& view) {
  Digest digest;
  digest(view.applied());
  KVD_RETURN_IF_ERROR(VisitAll(view, [&](const auto& record) { digest(record); }));
  return digest.hash();
}

}  // namespace kvd::partition
