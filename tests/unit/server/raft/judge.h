// The rules that hold at every moment of a group's life, checked from outside: reference S1-S8 and
// S11 of the project's failure list. A breach is a sentence; the first ones are kept.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/server/raft/world.h"

namespace kvd::raft::test {

class Judge : public World::Watcher {
 public:
  // `founding`: the configuration in force before entry 1.
  explicit Judge(Configuration founding) : configuration_(std::move(founding)) {}

  void SetFounding(Configuration founding) { configuration_ = std::move(founding); }

  // The world must outlive the judge's work; given later, because it is built with the judge.
  void Watch(World& world) { world_ = &world; }

  void OnStart(ReplicaId id, const World::Site& site) override;
  void OnEffects(ReplicaId id, const World::Site& site, const Effects& effects) override;
  void OnMessage(const World::Site& site, const Message& message) override;
  void OnStep(ReplicaId id, const World::Site& site) override;

  // A read arrived at some replica: it must see all that is committed by now.
  void OnRead(ReadId read) { reads_[read] = highest_commit_; }

  // How much there was to see.
  struct Sights {
    uint64_t reads = 0;
    uint64_t lost_reads = 0;
    uint64_t fetches = 0;
    uint64_t installs = 0;
    uint64_t configurations = 0;
    uint64_t terms = 0;
    uint64_t resets = 0;
  };
  [[nodiscard]] const Sights& sights() const { return sights_; }

  [[nodiscard]] const std::vector<std::string>& breaches() const { return breaches_; }
  [[nodiscard]] Index highest_commit() const { return highest_commit_; }

 private:
  struct Seen {
    Term term = 0;
    Index commit = 0;
  };

  void Breach(std::string what);
  void CheckClaims(const World::Site& site, const Message& message);
  void CheckVote(ReplicaId voter, Term term, ReplicaId candidate);
  void CheckLeader(ReplicaId id, const World::Site& site);
  void CheckCommit(ReplicaId id, const World::Site& site);
  void CheckCommitted(const World::Site& site, const storage::Entry& entry);
  void CheckConfiguration(const Configuration& next);

  World* world_ = nullptr;
  std::map<ReplicaId, Seen> seen_;
  std::map<Term, ReplicaId> leaders_;
  std::map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  std::map<std::pair<Index, Term>, std::pair<Term, SharedBytes>> entries_;  // Term before, content.
  std::map<Index, storage::Entry> committed_;
  Configuration configuration_;  // Behind the last one of committed_.
  Index highest_commit_ = 0;
  std::map<ReadId, Index> reads_;
  Sights sights_;
  std::vector<std::string> breaches_;
};

}  // namespace kvd::raft::test
