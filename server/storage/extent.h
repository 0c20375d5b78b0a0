// What a write does to the extent of one group's log: the rules that every Log shares. What a
// caller may not do (a gap, a term going back, forgetting what was never there) stops the process.
//
// Pure. Threading: values.
#pragma once

#include "server/storage/log.h"

namespace kvd::storage {

// The extent after `write`. REQUIRES: what Log::Append() requires of one write.
[[nodiscard]] GroupExtent Extended(GroupExtent extent, const GroupWrite& write);

// The extent of a group of which nothing is left but the tombstone. REQUIRES: removed >= the
// replica that is here.
[[nodiscard]] GroupExtent Without(const GroupExtent& extent, ReplicaId removed);

// The extent after forgetting everything up to and including `through`; unchanged if that is gone
// already. `term` is that of entry `through`. REQUIRES: through <= extent.last.
[[nodiscard]] GroupExtent Truncated(GroupExtent extent, Index through, Term term);

// Whether `write` changes nothing, and so creates no group either.
[[nodiscard]] bool IsEmpty(const GroupWrite& write);

// The answer to a read of entries that are not, or no longer, in the log: OUT_OF_RANGE.
[[nodiscard]] Status NotInLog(GroupId group, Index from, Index to);

}  // namespace kvd::storage
