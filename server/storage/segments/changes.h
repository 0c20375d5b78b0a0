// What a batch says, one change after the other: kind u8 | group u32 | length u32 | bytes.
//
// Pure. Threading: values; a reader is confined to its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/storage/log.h"

namespace kvd::storage {

enum class ChangeKind : uint8_t {
  kCheckpoint = 'x',    // The extents of all groups, before this batch: a segment's first change.
  kPlainExtents = 'k',  // The same as earlier builds wrote it, without replicas; only read.
  kRemove = 'd',        // The tombstone: everything of the group but it is gone.
  kCreate = 'r',        // The replica that is here from now on.
  kHardState = 'h',     // Its record.
  kReset = 's',         // The start of the log: every entry is gone.
  kTruncate = 't',      // The start of the log: entries below are gone.
  kEntry = 'e',         // Its record; what stood at its index and above is gone.
  kMoved = 'm',         // The record of an entry that stands here from now on.
  kCleanStop = 'c',     // Nothing follows until the log is opened again.
};

// What a batch says of one group; the group means nothing to a checkpoint and a clean stop.
struct Change {
  ChangeKind kind = ChangeKind::kCleanStop;
  GroupId group;
  std::string_view bytes;
  uint32_t offset = 0;  // Of the change, within the body.
};

inline constexpr uint32_t kChangeHeaderBytes = 9;

void AddChange(std::string& body, ChangeKind kind, GroupId group, std::string_view bytes);

// Walks through the changes of a body.
class ChangeReader {
 public:
  explicit ChangeReader(std::string_view body) : body_(body) {}

  // nullopt at the end, and where the body makes no sense.
  [[nodiscard]] std::optional<Change> Next();

  // True if every byte was read.
  [[nodiscard]] bool exhausted() const { return at_ == body_.size(); }

 private:
  std::string_view body_;
  size_t at_ = 0;
};

[[nodiscard]] std::string EncodeCheckpoint(const std::vector<GroupExtent>& extents);

// DATA_LOSS unless these are extents in order of their groups; FAILED_PRECONDITION if they are of a
// newer format.
[[nodiscard]] StatusOr<std::vector<GroupExtent>> DecodeCheckpoint(std::string_view bytes);
[[nodiscard]] StatusOr<std::vector<GroupExtent>> DecodePlainExtents(std::string_view bytes);

// The changes that `write` makes.
void AddWrite(std::string& body, const GroupWrite& write);

// How many bytes a change adds to the payload of its entry.
[[nodiscard]] uint64_t EntryOverheadBytes();

// The entry in the change that `bytes` are. DATA_LOSS, naming the entry, unless it is this one.
[[nodiscard]] StatusOr<Entry> DecodeEntryChange(GroupId group, Index index, Term term,
                                                std::string_view bytes);

}  // namespace kvd::storage
