#include "server/storage/extent.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"

namespace kvd::storage {

GroupExtent Extended(GroupExtent extent, const GroupWrite& write) {
  KVD_CHECK_OP(==, extent.group, write.group);
  if (write.remove) extent = Without(extent, *write.remove);
  if (write.create) {
    KVD_CHECK_OP(>, write.create->id, extent.removed);
    KVD_CHECK(extent.replica == ReplicaId{} || extent.replica == write.create->id,
              "a group has one replica here");
    extent.replica = write.create->id;
    extent.initial = write.create->initial;
  }
  if (write.hard_state) {
    KVD_CHECK_OP(>=, write.hard_state->term, extent.hard_state.term);
    extent.hard_state = *write.hard_state;
  }
  if (write.reset) {
    KVD_CHECK_OP(>=, write.reset->index + 1, extent.first);
    extent.first = write.reset->index + 1;
    extent.last = write.reset->index;
    extent.last_term = extent.previous_term = write.reset->term;
  }
  if (write.entries.empty()) return extent;

  Index next = write.entries.front().index;
  KVD_CHECK_OP(>=, next, extent.first);
  KVD_CHECK_OP(<=, next, extent.last + 1);
  for (const Entry& entry : write.entries) {
    KVD_CHECK_OP(==, entry.index, next);
    ++next;
  }
  extent.last = write.entries.back().index;
  extent.last_term = write.entries.back().term;
  return extent;
}

GroupExtent Without(const GroupExtent& extent, ReplicaId removed) {
  KVD_CHECK_OP(>=, removed, extent.replica);
  GroupExtent without{.group = extent.group};
  without.removed = std::max(removed, extent.removed);
  return without;
}

GroupExtent Truncated(GroupExtent extent, Index through, Term term) {
  KVD_CHECK_OP(<=, through, extent.last);
  if (through < extent.first) return extent;
  extent.first = through + 1;
  extent.previous_term = term;
  return extent;
}

bool IsEmpty(const GroupWrite& write) {
  return !write.hard_state && !write.reset && write.entries.empty() && !write.remove &&
         !write.create;
}

Status NotInLog(GroupId group, Index from, Index to) {
  return MakeStatus(StatusCode::kOutOfRange,
                    fmt::format("log entries {} to {} of group {}: not in the log; they were "
                                "overwritten, truncated or never written",
                                from, to, group.value));
}

}  // namespace kvd::storage
