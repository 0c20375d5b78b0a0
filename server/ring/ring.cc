#include "server/ring/ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "common/check.h"

namespace kvd::ring {
namespace {

Status Refuse(const std::string& what) {
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("read ring: {}; the record that held it is damaged or was made by "
                                "another program: fetch the topology from another node",
                                what));
}

Status CheckList(size_t partition, const std::vector<NodeId>& list, size_t expected) {
  if (list.size() != expected) {
    return Refuse(fmt::format("partition {} has {} replicas where partition 0 has {}", partition,
                              list.size(), expected));
  }
  std::vector<NodeId> sorted = list;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front() == NodeId{0}) {
    return Refuse(fmt::format("partition {} names node 0, which is nobody", partition));
  }
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return Refuse(fmt::format("partition {} names node {} twice", partition, twice->value));
  }
  return OkStatus();
}

}  // namespace

StatusOr<Ring> Ring::FromLists(std::span<const std::vector<NodeId>> lists) {
  if (!std::has_single_bit(lists.size()) || lists.size() > std::numeric_limits<uint32_t>::max()) {
    return Refuse(fmt::format("{} partitions, which is no power of two", lists.size()));
  }
  if (lists.front().empty()) return Refuse("partition 0 has no replicas");
  for (size_t partition = 0; partition < lists.size(); ++partition) {
    KVD_RETURN_IF_ERROR(CheckList(partition, lists[partition], lists.front().size()));
  }
  return Ring(lists);
}

Ring::Ring(std::span<const std::vector<NodeId>> lists)
    : partitions_(static_cast<uint32_t>(lists.size())),
      replication_(static_cast<uint32_t>(lists.front().size())) {
  replicas_.reserve(lists.size() * replication_);
  for (const std::vector<NodeId>& list : lists) {
    replicas_.insert(replicas_.end(), list.begin(), list.end());
    for (const NodeId node : list) ++loads_[node].replicas;
    ++loads_[list.front()].owned;
  }
}

std::span<const NodeId> Ring::Replicas(PartitionId partition) const {
  KVD_CHECK_OP(<, partition.value, partitions_);
  return std::span(replicas_).subspan(size_t{partition.value} * replication_, replication_);
}

bool Ring::Holds(PartitionId partition, NodeId node) const {
  const auto replicas = Replicas(partition);
  return std::find(replicas.begin(), replicas.end(), node) != replicas.end();
}

Load Ring::LoadOf(NodeId node) const {
  const auto it = loads_.find(node);
  return it == loads_.end() ? Load{} : it->second;
}

Ratio Ring::FullestByReplicas(size_t members) const {
  KVD_CHECK_OP(>, members, size_t{0});
  uint64_t fullest = 0;
  for (const auto& [node, load] : loads_) fullest = std::max<uint64_t>(fullest, load.replicas);
  return {.numerator = fullest * members, .denominator = replicas_.size()};
}

Ratio Ring::FullestByOwned(size_t members) const {
  KVD_CHECK_OP(>, members, size_t{0});
  uint64_t fullest = 0;
  for (const auto& [node, load] : loads_) fullest = std::max<uint64_t>(fullest, load.owned);
  return {.numerator = fullest * members, .denominator = partitions_};
}

}  // namespace kvd::ring
