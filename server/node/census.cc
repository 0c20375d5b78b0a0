#include "server/node/census.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::node {

// Ids grow: one below the replica that is here was removed before it came, or never came.
std::optional<NotHere> Census::AnswerFor(GroupId group, ReplicaId replica) const {
  NotHere answer{.group = group, .replica = replica};
  const auto found = places_.find(PartitionOf(group));
  if (found == places_.end()) return answer;
  const Place& place = found->second;
  answer.gone = replica <= place.removed || replica < place.here;
  if (!answer.gone && (place.coming || place.going)) return std::nullopt;
  return answer;
}

std::optional<raft::Write> Census::Begin(const Create& create) {
  Place& place = places_[PartitionOf(create.group)];
  if (place.here != ReplicaId{} || place.coming || place.going) return std::nullopt;
  if (create.replica <= place.removed) return std::nullopt;
  place.coming = create;
  storage::GroupWrite write{.group = create.group};
  write.create = {.id = create.replica, .initial = raft::EncodeConfiguration(create.initial)};
  return raft::Write{.number = 0, .write = std::move(write)};
}

raft::Write Census::End(PartitionId partition) {
  Place& place = places_.at(partition);
  KVD_CHECK(place.here != ReplicaId{}, "only what is here is removed");
  place.removed = std::max(place.removed, std::exchange(place.here, ReplicaId{}));
  place.going = true;
  return {.number = kLastWrite, .write = {.group = GroupOf(partition), .remove = place.removed}};
}

Census::Durable Census::OnDurable(GroupId group, uint64_t number) {
  const auto found = places_.find(PartitionOf(group));
  if (found == places_.end()) return {};
  Place& place = found->second;
  if (place.coming) {
    place.here = place.coming->replica;
    return {.created = std::exchange(place.coming, std::nullopt)};
  }
  return {.removed = place.going && number == kLastWrite};
}

void Census::OnDropped(PartitionId partition) {
  places_.at(partition).going = false;
}

}  // namespace kvd::node
