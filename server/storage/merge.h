// Makes one write of two that were meant one after the other, so that a batch of the log holds one
// write per group however many a group asked for while the last batch was being synced.
//
// Pure. Threading: values.
#pragma once

#include "server/storage/log.h"

namespace kvd::storage {

// Appending `into` afterwards is the same as appending `into` and then `next` before: the later
// hard state stands, entries of `next` take the place of those of `into` from their index on, a
// reset takes the place of all entries before it, and a removal that of everything. REQUIRES: both
// are of one group, and `next` may follow `into` (see Log::Append()).
void Merge(GroupWrite& into, GroupWrite&& next);

}  // namespace kvd::storage
