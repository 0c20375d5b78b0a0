// Goes over the records of a load one after another, many at once: makes those that are not there,
// or deletes all.
//
// Threading: confined to its caller, whose thread it takes until it is done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "client/error.h"
#include "client/load/records.h"
#include "client/pipeline.h"

namespace kvd::load {

struct Swept {
  uint64_t looked_at = 0;                // Records that are as wished now.
  uint64_t changed = 0;                  // Of these, those that were written, or deleted.
  std::optional<client::Error> error{};  // The first one, which ended it.
};

// Told how far it is, several times a second; false ends it early.
using Watch = std::function<bool(const Swept& so_far)>;

// Sees to it that records 0 to `count` - 1 are there, with values of the right size; what is there
// is not written again.
[[nodiscard]] Swept Fill(client::Pipeline& pipeline, const RecordFormat& format, uint64_t count,
                         const Watch& watch);

// Deletes records 0 to `count` - 1 and whatever was inserted after them: goes on until 1000 in a
// row are not there.
[[nodiscard]] Swept Clean(client::Pipeline& pipeline, const RecordFormat& format, uint64_t count,
                          const Watch& watch);

}  // namespace kvd::load
