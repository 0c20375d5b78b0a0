// A partition as a stream of chunks, from a replica that has it to one that needs it: the whole
// state behind one entry, sessions, configuration and floor included, so that a replica that starts
// from it decides as every other does.
//
// The sender reads a view of the store, so writes go on meanwhile. The receiver fills the next
// generation beside the one in use, and switches when everything has arrived and fits
// (StateMachines::SwitchTo()): until then the partition is as it was, after it, as it was sent.
//
//   chunk   format u8 | partition u32 | index u64 | term u64 | sequence u32 | last u8
//           sessions: count u32, each client u64 | state
//           values: count u32, each key | version u64 | value
//           the last one: keys u64 | value bytes u64 | sessions u64 | floor u64 | configuration
//           checksum u32 of all that precedes it
//
// Pure but for the store.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/storage/store.h"

namespace kvd::partition {

// One chunk, taken apart. Sessions come in order of client, all before the first value; values in
// order of key.
struct SnapshotChunk {
  PartitionId partition;
  Index index = 0;  // The snapshot is the state behind this entry ...
  Term term = 0;    // ... of this term.
  uint32_t sequence = 0;
  std::vector<storage::StoredSession> sessions = {};
  std::vector<storage::StoredKey> values = {};

  // Of the whole snapshot; in its last chunk.
  struct End {
    uint64_t keys = 0;
    uint64_t value_bytes = 0;
    uint64_t sessions = 0;
    Index floor = 0;
    std::string configuration = {};

    friend bool operator==(const End&, const End&) = default;
  };
  std::optional<End> end = {};

  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};

// Decode answers DATA_LOSS for damage and FAILED_PRECONDITION for a newer format.
[[nodiscard]] std::string EncodeChunk(const SnapshotChunk& chunk);
[[nodiscard]] StatusOr<SnapshotChunk> DecodeChunk(std::string_view bytes);

// Threading: confined to whoever sends; any thread, beside all others.
class SnapshotReader {
 public:
  // REQUIRES: `view` is of `partition`, and its store outlives the reader.
  SnapshotReader(PartitionId partition, std::unique_ptr<storage::PartitionView> view);

  // What the snapshot holds: its index, term, encoded configuration, keys and floor.
  [[nodiscard]] const storage::AppliedRecord& point() const { return view_->applied(); }

  // The next chunk: records of about `max_bytes`, at least one if there is any. An error of the
  // store, DATA_LOSS included, ends the reader. REQUIRES: !done().
  [[nodiscard]] StatusOr<std::string> Next(uint64_t max_bytes);

  // Next() has answered the last chunk.
  [[nodiscard]] bool done() const { return done_; }

 private:
  // Whether there is a further one at hand, after reading more if need be.
  [[nodiscard]] StatusOr<bool> HasSession();
  [[nodiscard]] StatusOr<bool> HasValue();

  PartitionId partition_;
  std::unique_ptr<storage::PartitionView> view_;
  uint32_t sequence_ = 0;
  uint64_t sent_sessions_ = 0;
  bool done_ = false;

  // Read and not yet sent; where reading goes on, nullopt at the end.
  std::deque<storage::StoredSession> sessions_;
  std::deque<storage::StoredKey> values_;
  std::optional<uint64_t> next_client_ = 0;
  std::optional<std::string> next_key_ = "";
};

// Fills the generation above the one in use. After an error it is of no more use: begin again.
//
// Threading: confined to whoever receives; beside the thread that applies.
class SnapshotWriter {
 public:
  // `in_use`: the generation of the partition's applied record. The store outlives the writer.
  SnapshotWriter(storage::Store& store, PartitionId partition, storage::Generation in_use);

  // Removes what an attempt before this one left. To be called first.
  [[nodiscard]] Status Begin();

  // Writes one chunk. A repeat of an earlier one is a no-op. DATA_LOSS and FAILED_PRECONDITION as
  // DecodeChunk(); INVALID_ARGUMENT for a chunk of another snapshot, out of order, or that the sums
  // at the end contradict; else an error of the store.
  [[nodiscard]] Status Add(std::string_view chunk);

  // Everything has arrived.
  [[nodiscard]] bool complete() const { return end_.has_value(); }

  // The record to be switched to. REQUIRES: complete().
  [[nodiscard]] storage::AppliedRecord received() const;

 private:
  [[nodiscard]] Status Refuse(const SnapshotChunk& chunk, std::string_view why) const;
  [[nodiscard]] Status Check(const SnapshotChunk& chunk) const;
  [[nodiscard]] Status CheckOrder(const SnapshotChunk& chunk) const;
  [[nodiscard]] Status CheckSums(const SnapshotChunk& chunk) const;
  void Count(const SnapshotChunk& chunk);

  storage::Store* store_;
  PartitionId partition_;
  storage::Generation generation_;

  // What has arrived so far.
  Index index_ = 0;
  Term term_ = 0;
  uint32_t next_sequence_ = 0;
  SnapshotChunk::End sums_;
  std::optional<uint64_t> last_client_;
  std::optional<std::string> last_key_;
  std::optional<SnapshotChunk::End> end_;
};

// A number that is the same for two replicas of a partition if, and, but for chance, only if they
// hold the same behind the same entry: values, versions, sessions, configuration, counts and floor.
[[nodiscard]] StatusOr<uint64_t> DigestOf(const storage::PartitionView& view);

}  // namespace kvd::partition
