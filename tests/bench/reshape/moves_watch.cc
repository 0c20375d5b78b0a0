#include "tests/bench/reshape/moves_watch.h"

#include <chrono>
#include <utility>

#include "common/check.h"

namespace kvd::bench {

using Role = client::Group::Role;

MovesWatch::MovesWatch(const client::Admin& admin)
    : admin_(admin), thread_([this] {
        while (!stopping_) {
          Look();
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
      }) {}

Copies MovesWatch::Stop() {
  stopping_ = true;
  thread_.join();
  return begun_;
}

// What cannot be asked now is seen by the next look.
void MovesWatch::Look() {
  const auto groups = admin_.ListGroups();
  if (!groups.ok()) return;
  std::set<Arrival> underway;
  for (const client::Group& group : *groups) {
    for (const client::Group::Copy& copy : group.copies) {
      if (copy.role != Role::kLearner) continue;
      const Arrival arrival{group.partition.value, copy.node};
      underway.insert(arrival);
      if (underway_.contains(arrival)) continue;
      ++begun_.count;
      begun_.bytes += group.bytes;
    }
  }
  underway_ = std::move(underway);
}

Copies CopiesOn(const client::Admin& admin, uint32_t partitions,
                const std::set<std::string>& nodes) {
  Copies copies;
  for (uint32_t p = 0; p < partitions; ++p) {
    const auto groups = admin.ListGroups(PartitionId{p});
    KVD_CHECK(groups.ok() && groups->size() == 1, "ask for a group");
    for (const client::Group::Copy& copy : groups->front().copies) {
      if (!nodes.contains(copy.node)) continue;
      ++copies.count;
      copies.bytes += groups->front().bytes;
    }
  }
  return copies;
}

}  // namespace kvd::bench
