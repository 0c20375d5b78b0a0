// What a node shows, of all its shards together: each adds to it in its own turn, the first one
// first.
//
// Threading: thread-safe.
#pragma once

#include <optional>

#include "absl/functional/any_invocable.h"
#include "server/node/view.h"
#include "server/runtime/runtime.h"

namespace kvd::runtime {

struct Seen {
  node::ClusterView cluster;
  std::optional<node::RingView> ring = {};  // If it was asked for, and the cluster is founded.
};

// Calls `done` once, on any thread, this one included; with nullopt if a mailbox is full or the
// node stops.
void Look(Runtime& runtime, bool at_ring, absl::AnyInvocable<void(std::optional<Seen>)> done);

}  // namespace kvd::runtime
