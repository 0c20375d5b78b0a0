// A node may be divided into shards: each is a Node of its own that holds every count-th partition,
// on a thread of its own, and shares nothing with the others (DESIGN 3.6). What a node has only
// once, its founding, its membership and the system group, is the first shard's, which tells the
// others what they have to know. What comes from outside is for one shard by what it names; here is
// decided which.
//
// Numbers that come back to whoever gave them, of forwards and of streams of snapshots, say by
// their rest which shard that was.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <map>

#include "common/types.h"
#include "server/node/messages.h"
#include "server/topology/reports.h"

namespace kvd::node {

inline constexpr uint32_t kFirstShard = 0;
inline constexpr uint32_t kMaxShards = 64;

[[nodiscard]] inline uint32_t ShardOf(PartitionId partition, uint32_t count) {
  return partition == topology::kSystemPartition ? kFirstShard : partition.value % count;
}
[[nodiscard]] inline uint32_t ShardOf(GroupId group, uint32_t count) {
  return ShardOf(PartitionOf(group), count);
}
[[nodiscard]] inline uint32_t ShardOfNumber(uint64_t number, uint32_t count) {
  return static_cast<uint32_t>(number % count);
}

// A frame, by the shards of the addressee, of which there are `count`. Heartbeats go to the first,
// which tells people of peers, and to those whose groups they are about: of a node that is divided
// as this one, the same shard; of any other, all of them, without the stamps, which are a shard's.
[[nodiscard]] std::map<uint32_t, Frame> Split(Frame frame, uint32_t count);

}  // namespace kvd::node
