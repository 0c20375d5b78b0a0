// Runs a scenario: a text of commands, each block of them followed by what the replicas did because
// of it. The manner is that of etcd-io/raft's interaction tests; the words are ours.
//
//   # what this block shows
//   propose 1 "a"
//   settle
//   ----
//   1 writes #2: [2/1 "a"]
//   ...
//   (blank line)
//
// Commands (n, m: replicas; each acts at once and pumps effects):
//   group 1 2 3              creates replicas with empty disks that are each other's voters
//   option NAME VALUE        before `group`: append, window, uncommitted, cache (bytes)
//   disk n TERM T1 T2 ...    n goes down; its term is this, its log has entries of these terms
//   add n                    a blank replica, of no group yet
//   pass 150ms | wake n      time; Advance() of n
//   deliver [n->m|*]         what is under way now, in order; `drop` loses it, `repeat` doubles it
//   cut n m | heal           from now on messages between them are lost
//   sync n [one]             makes writes durable
//   settle                   syncs, delivers and does what is asked for until nothing is left
//   beat n | linkdown n m | suspect n 0ms
//   propose n TEXT | bulk n BYTES | read n ID | transfer n m
//   change n IF voters 1 2 learners 4
//   flush n | truncate n INDEX | snapshot n [lost] | install n | fetch n
//   crash n | start n | state [n]
//   quiet COMMAND            the same, shown only by `state`
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/server/raft/judge.h"

namespace kvd::raft::test {

class Transcript : public Judge {
 public:
  Transcript();

  // What happened, a line each. A command that cannot be understood is a line, too.
  [[nodiscard]] std::vector<std::string> Run(const std::string& command);

  void OnEffects(ReplicaId id, const World::Site& site, const Effects& effects) override;
  void OnStep(ReplicaId id, const World::Site& site) override;

 private:
  using Words = std::vector<std::string>;

  void Do(const Words& words);
  [[nodiscard]] bool DoSetUp(const Words& words);
  [[nodiscard]] bool DoNetwork(const Words& words);
  [[nodiscard]] bool DoDisk(const Words& words);
  [[nodiscard]] bool DoClient(const Words& words);
  void SetOption(const std::string& name, uint64_t value);
  void SetDisk(const Words& words);
  void Group(const Words& words);
  void Deliver(const std::string& which, int copies);
  void Settle();
  void Change(const Words& words);
  void State(const Words& words);
  void OnRole(ReplicaId id, const World::Site& site);
  void Say(std::string line);

  [[nodiscard]] ReplicaId At(const Words& words, size_t i) const;
  [[nodiscard]] Replica& Self(const Words& words, size_t i);

  Replica::Options options_;
  Configuration founding_;
  World world_;
  std::set<std::pair<uint32_t, uint32_t>> cut_;
  std::map<ReplicaId, std::string> roles_;
  std::vector<std::string> said_;
  bool quiet_ = false;
};

}  // namespace kvd::raft::test
