// What the batches of a log come to: the extent of every group, and in which segment each of its
// entries stands. Batches are applied in order, the same way when they are written and when the log
// is read again.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/storage/log.h"
#include "server/storage/segments/batch.h"
#include "server/storage/segments/changes.h"

namespace kvd::storage {

// Where the change that holds an entry stands. Kept for every entry of the log.
struct Slot {
  Term term = 0;
  SegmentNumber segment = 0;  // 0: in a segment that is not there.
  uint32_t offset = 0;
  uint32_t bytes = 0;

  friend bool operator==(const Slot&, const Slot&) = default;
};
static_assert(sizeof(Slot) <= 32);

class LogIndex {
 public:
  // Applies `batch` of segment `segment`. The first batch must begin with a checkpoint, whose
  // entries are missing until they are moved or gone; a later checkpoint must say what is so.
  // DATA_LOSS if the batch does not fit what was applied before it; what the index holds then
  // means nothing.
  [[nodiscard]] Status Apply(const Batch& batch, SegmentNumber segment);

  // The last batch was a clean stop.
  [[nodiscard]] bool stopped() const { return stopped_; }

  // nullptr for a group without a record.
  [[nodiscard]] const GroupExtent* Find(GroupId group) const;

  // In order of GroupId.
  [[nodiscard]] std::vector<GroupExtent> Extents() const;

  // nullptr if `index` is not within the group's extent.
  [[nodiscard]] const Slot* At(GroupId group, Index index) const;

  // An entry that is within its group's extent and stands in no segment.
  struct EntryName {
    GroupId group;
    Index index = 0;
  };
  [[nodiscard]] std::optional<EntryName> Missing() const;

  // The entries that stand in `segment`. Looks at every entry of the log.
  [[nodiscard]] std::vector<EntryName> In(SegmentNumber segment) const;
  [[nodiscard]] bool IsDead(SegmentNumber segment) const { return !live_.contains(segment); }

  // Of all changes that hold an entry.
  [[nodiscard]] uint64_t live_bytes() const { return live_bytes_; }

 private:
  struct Group {
    GroupExtent extent;
    std::deque<Slot> slots;  // Of [extent.first, extent.last].
  };

  [[nodiscard]] Status ApplyChange(const Change& change, Slot slot);
  [[nodiscard]] Status ApplyCheckpoint(const std::vector<GroupExtent>& extents);
  [[nodiscard]] Status ApplyRemove(Group& group, std::string_view bytes);
  [[nodiscard]] Status ApplyCreate(Group& group, std::string_view bytes);
  [[nodiscard]] Status ApplyHardState(Group& group, std::string_view bytes);
  [[nodiscard]] Status ApplyReset(Group& group, std::string_view bytes);
  [[nodiscard]] Status ApplyTruncate(Group& group, std::string_view bytes);
  [[nodiscard]] Status ApplyEntry(Group& group, std::string_view bytes, Slot slot);
  [[nodiscard]] Status ApplyMoved(Group& group, std::string_view bytes, Slot slot);

  [[nodiscard]] Group& GroupOf(GroupId id);
  void PopFront(Group& group, uint64_t count);
  void PopBack(Group& group, uint64_t count);
  void Enter(const Slot& slot);
  void Leave(const Slot& slot);

  std::map<GroupId, Group> groups_;
  std::map<SegmentNumber, uint64_t> live_;  // How many entries stand in each, if any.
  uint64_t live_bytes_ = 0;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace kvd::storage
