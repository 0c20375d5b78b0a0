// One group: replicas, their disks, and the messages under way between them. Nothing happens by
// itself: whoever drives it says which message arrives, which write is synced, who crashes. Replica
// n is on node n.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/raft/replica.h"
#include "tests/unit/server/raft/disk.h"

namespace kvd::raft::test {

constexpr Duration Ms(int64_t ms) {
  return std::chrono::milliseconds(ms);
}

// Members 1, 2, ... on nodes of the same number.
[[nodiscard]] std::vector<Member> Members(const std::vector<uint64_t>& ids);

class World {
 public:
  struct Envelope {
    NodeId from;
    NodeId to;
    Message message;
  };

  struct Site {
    explicit Site(Configuration founding) : disk(std::move(founding)) {}

    Disk disk;
    Machine machine;                  // In memory: applied, not all of it flushed.
    std::unique_ptr<Replica> self;    // nullptr: down.
    std::deque<Write> writes;         // Given to the disk, not synced.
    std::optional<Machine> received;  // A snapshot's data.
    std::vector<Fetch> fetches;
    std::vector<SnapshotWanted> snapshots;
    std::optional<SnapshotPoint> install;
  };

  // What happens is shown to the watcher before the world acts on it.
  struct Watcher {
    virtual ~Watcher() = default;
    virtual void OnStart(ReplicaId /*id*/, const Site& /*site*/) {}
    virtual void OnEffects(ReplicaId /*id*/, const Site& /*site*/, const Effects& /*effects*/) {}
    virtual void OnMessage(const Site& /*site*/, const Message& /*message*/) {}
    virtual void OnStep(ReplicaId /*id*/, const Site& /*site*/) {}
  };

  // `options`: all but the group and self.
  World(Replica::Options options, Watcher* watcher) : options_(options), watcher_(watcher) {}

  // For replicas started from now on.
  void SetOptions(const Replica::Options& options) { options_ = options; }

  // A replica with an empty disk. `founding`: what it was created with.
  void Add(ReplicaId id, const Configuration& founding);

  [[nodiscard]] Site& site(ReplicaId id) { return sites_.at(id); }
  [[nodiscard]] bool IsUp(ReplicaId id) const { return sites_.at(id).self != nullptr; }
  [[nodiscard]] std::map<ReplicaId, Site>& sites() { return sites_; }
  [[nodiscard]] std::vector<Envelope>& network() { return network_; }
  [[nodiscard]] Instant now() const { return now_; }
  void Pass(Duration time) { now_ += time; }

  // Takes all effects of a replica. Applies what is committed.
  void Pump(ReplicaId id);

  void Advance(ReplicaId id);
  void Arrive(const Envelope& envelope);
  void Beat(ReplicaId id);
  void BeatTo(ReplicaId id, NodeId node);

  // The oldest write of `id` is durable. False: there is none.
  bool SyncOne(ReplicaId id);
  void Flush(ReplicaId id);
  void Truncate(ReplicaId id, Index through);

  // Does what the replica asked for: entries from the disk, a snapshot for a follower, the switch
  // to one received. False: nothing was asked for.
  bool AnswerFetch(ReplicaId id);
  bool SendSnapshot(ReplicaId id, bool arrives);
  bool Install(ReplicaId id);

  // Loses what was not synced.
  void Crash(ReplicaId id);
  void Start(ReplicaId id);

 private:
  Replica::Options options_;
  Watcher* watcher_;
  std::map<ReplicaId, Site> sites_;
  std::vector<Envelope> network_;
  Instant now_{};
};

}  // namespace kvd::raft::test
