// What the logs of all partitions say, once: the entries that were ever applied, what they did, and
// what every key was behind each of them. Applies commands by rules of its own, so that the
// product's are checked, and compares every replica and every answer with it.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/node/messages.h"
#include "server/partition/command.h"
#include "server/partition/state_machines.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

class Truth {
 public:
  explicit Truth(World& world) : world_(world) {}

  // `who` applied these entries, with these outcomes: they are what others applied there.
  void Applied(const std::string& who, const partition::ApplyJob& job,
               const partition::Applied& applied);

  // What `who` has applied up to `index` has this digest.
  void Digest(const std::string& who, PartitionId partition, Index index, uint64_t digest);

  // A replica committed this much.
  void Committed(PartitionId partition, Index index);
  [[nodiscard]] Index committed(PartitionId partition) const;

  // `operation`, which arrived when `arrival` was committed, was answered just now: the answer is
  // the state at some index in between, or what an entry did.
  void Answered(const node::Operation& operation, Index arrival, const node::Answer& answer);

  // The decimal number, or 0, that `key` is behind everything applied.
  [[nodiscard]] int64_t NumberAt(PartitionId partition, const std::string& key) const;

 private:
  struct State {
    bool present = false;
    std::string value = {};
    Version version = 0;  // 0 if absent.
  };
  struct Entry {
    storage::Entry entry;
    partition::Outcome outcome;
    std::optional<partition::Command> command;
  };
  using What = decltype(partition::Outcome::what);
  struct Partition {
    Index committed = 0;
    std::vector<Entry> entries;  // From index 1.
    std::map<std::string, std::vector<std::pair<Index, State>>> keys;
    std::map<std::pair<uint64_t, uint64_t>, What> decided;  // By client and sequence.
    std::map<Index, uint64_t> digests;
  };

  void Append(PartitionId partition, const storage::Entry& entry,
              const partition::Outcome& outcome);
  void Execute(PartitionId id, Partition& partition, const Entry& entry);
  void Judge(PartitionId id, Partition& partition, const Entry& entry);
  void Write(Partition& partition, const partition::Mutation& mutation, Version version);
  [[nodiscard]] What Expect(const Partition& partition, const partition::Mutation& mutation,
                            Version version) const;
  [[nodiscard]] static const State& Last(const Partition& partition, const std::string& key);

  // Whether `fits` holds for the state of `key` at some index in [from, to].
  template <typename Predicate>
  [[nodiscard]] bool Was(const Partition& partition, const std::string& key, Index from, Index to,
                         const Predicate& fits) const;
  [[nodiscard]] bool FitsWrite(const Partition& partition, const node::Operation& operation,
                               Version version, std::optional<int64_t> number) const;
  [[nodiscard]] bool Fits(const Partition& partition, const node::Operation& operation,
                          Index arrival, const node::Result& result) const;
  void Fail(PartitionId partition, const std::string& what);

  World& world_;
  std::map<PartitionId, Partition> partitions_;
};

}  // namespace kvd::simulation
