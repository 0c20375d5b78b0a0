// Which requests a partition has already decided, so that a retry is answered and not applied again
// (after RIFL, Lee et al., SOSP 2015). Part of the partition's state like its values: decided in
// log order, written in the same batch, carried by snapshots.
//
// What is kept, and for how long, follows from the log alone, so that replicas agree:
//   - every decision of a command with an id is recorded, also "nothing was written": otherwise a
//     late copy of a request whose client was told "absent" or "condition failed" could still find
//     its condition true, and write;
//   - a client's `done_below` frees its records; what is below is never executed;
//   - a client untouched for kForgetAfter entries, and the least recently touched one beyond
//     kMaxClients, is forgotten, as is the oldest record beyond kMaxRecords of a client. That
//     raises the floor to the last index that may be forgotten. A request executed at or below the
//     floor was first sent with a `base` below it: no record and base < floor, and nobody can tell.
// Where this differs from RIFL: leases, which need a clock, are replaced by the floor.
//
// Pure. Threading: confined to the thread that applies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/outcome.h"
#include "server/partition/request_id.h"
#include "server/storage/store.h"

namespace kvd::partition {

// What a command came to, without what its retry says again.
struct Decision {
  enum class Kind : uint8_t {
    kWritten = 1,
    kAbsent = 2,
    kMismatch = 3,
    kIncremented = 4,
    kNotANumber = 5,
    kOverflow = 6,
  };

  Kind kind = Kind::kWritten;
  uint32_t item = 0;  // kMismatch: of a batch, whose condition failed.
  uint64_t value =
      0;  // kMismatch, kNotANumber: the version found. kIncremented, kOverflow: the sum.

  friend bool operator==(const Decision&, const Decision&) = default;
};

class Sessions {
 public:
  static constexpr Index kForgetAfter = 100'000;
  static constexpr size_t kMaxRecords = 1024;  // Of one client.
  static constexpr size_t kMaxClients = 4096;

  explicit Sessions(Index floor = 0) : floor_(floor) {}

  // Takes back what AddChangesTo() had written. DATA_LOSS if it is no session,
  // FAILED_PRECONDITION if a newer kvd wrote it.
  [[nodiscard]] Status Restore(const storage::StoredSession& stored);

  // Forgets the clients whose time is over at entry `now`. To be called for every entry, first.
  void Expire(Index now);

  // The request is new: execute it, then Record().
  struct Execute {};
  // Decided before, by entry `index`.
  struct Known {
    Index index = 0;
    Decision decision;
  };
  using Verdict = std::variant<Execute, Known, Stale, BaseTooOld>;

  // Judges the request of entry `now`, and takes note of what it says to be done.
  [[nodiscard]] Verdict Judge(const RequestId& id, Index now);

  // REQUIRES: Judge() of the same request and entry just answered Execute.
  void Record(const RequestId& id, Index now, const Decision& decision);

  [[nodiscard]] Index floor() const { return floor_; }
  [[nodiscard]] size_t clients() const { return clients_.size(); }
  [[nodiscard]] size_t records() const;

  // Adds what changed since the last call.
  void AddChangesTo(storage::StoreBatch& batch, PartitionId partition,
                    storage::Generation generation);

 private:
  struct Past {
    uint64_t sequence = 0;
    Index index = 0;
    Decision decision;
  };
  struct Client {
    uint64_t done_below = 0;
    Index touched = 0;
    std::vector<Past> past;  // By index.
  };

  static std::string Encode(const Client& client);
  static StatusOr<Client> Decode(std::string_view state);

  void Touch(uint64_t id, Client& client, Index now);
  void ForgetOldestClient();
  void Raise(Index floor);

  Index floor_;
  std::map<uint64_t, Client> clients_;
  std::map<Index, uint64_t> by_touched_;  // An entry touches one client at most.
  std::set<uint64_t> changed_;
};

// All sessions of a partition as it stands in `store`. `applied` is its record.
[[nodiscard]] StatusOr<Sessions> LoadSessions(const storage::Store& store, PartitionId partition,
                                              const storage::AppliedRecord& applied);

}  // namespace kvd::partition
