// A random walk of one group: messages are lost, doubled and reordered, replicas crash and come
// back without what they had not synced, leaders are suspected and moved, configurations change,
// logs are cut short, while clients write and read. A judge watches every step.
//
// The same seed walks the same way.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/unit/server/raft/judge.h"

namespace kvd::raft::test {

// How likely each thing is in a seed: many are off, so that combinations differ.
struct Weather {
  uint64_t replicas = 3;
  uint64_t loss = 0;  // Per million, here and below.
  uint64_t repeat = 0;
  uint64_t crash = 0;
  uint64_t sync = 0;  // That a replica's disk gets on.
  uint64_t late = 0;  // That a message is passed over.
  uint64_t change = 0;
  uint64_t truncate = 0;
  uint64_t transfer = 0;
  uint64_t cut = 0;  // That one replica is cut off, or the cut healed.

  [[nodiscard]] static Weather Of(Random& random);
};

class Walk {
 public:
  explicit Walk(uint64_t seed);

  // REQUIRES: called once. Stops at the first breach.
  void Run(int steps);

  // All is well again: everyone is up, nothing is lost. What still does not work, as a sentence;
  // empty if the group commits, reads and agrees.
  [[nodiscard]] std::string Heal();

  [[nodiscard]] const Judge& judge() const { return judge_; }

 private:
  void Step();
  void Client();
  void Network();
  void Disks();
  void Faults();
  void Time(Duration time);
  void Beats();
  void ChangeConfiguration(ReplicaId leader);
  void CutOff(ReplicaId id);
  void Truncate(ReplicaId id);
  [[nodiscard]] bool IsLost(const World::Envelope& envelope);
  [[nodiscard]] bool Chance(uint64_t per_million) { return random_.Chance(per_million); }
  [[nodiscard]] ReplicaId Anyone();
  [[nodiscard]] std::optional<ReplicaId> Leader();

  Random random_;
  Weather weather_;
  Judge judge_;
  World world_;
  std::set<ReplicaId> cut_off_;
  uint64_t next_command_ = 1;
  uint64_t next_read_ = 1;
  uint64_t next_replica_ = 1;
};

}  // namespace kvd::raft::test
