// One load on a cluster, under way: callers that do operation after operation until the time is
// over, while somebody else looks at the figures.
//
// Threading: confined to its owner; its callers are threads of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "client/client.h"
#include "client/load/records.h"
#include "client/load/tally.h"
#include "client/load/workload.h"
#include "client/result.h"
#include "common/clock.h"

namespace kvd::load {

struct RunOptions {
  Workload workload;
  size_t callers = 1;  // As many operations are underway at once; 1 to kMaxCallers.
  std::optional<uint64_t> per_second{};  // Open loop; nullopt: closed. See Schedule.
  Duration length = std::chrono::seconds(10);
  uint64_t seed = 1;
};

inline constexpr size_t kMaxCallers = 4096;

// Connections are made before the time of a load begins, if they can be in so much.
inline constexpr Duration kConnectLimit = std::chrono::seconds(1);

// What a load works on. Both outlive it.
struct Target {
  const RecordFormat& format;
  RecordCount& records;
};

struct Figures {
  Tally tally{};
  Duration elapsed{};      // Of the run; what was answered after its end does not count as in time.
  uint64_t not_begun = 0;  // Due, but all callers were busy until the end. Open loops only.
};

class Run {
 public:
  virtual ~Run() = default;

  // So far.
  [[nodiscard]] virtual Figures Look() const = 0;

  // Nothing more is begun.
  virtual void Stop() = 0;

  // Waits until everything that was begun has ended; false if it had not after `patience`.
  [[nodiscard]] virtual bool Await(Duration patience) = 0;
};

// A thread per caller, each with one blocking call at a time. `client` outlives the run. Ending it
// early waits for the calls.
[[nodiscard]] std::unique_ptr<Run> StartCalls(const client::Client& client, Target target,
                                              const RunOptions& options);

// All callers on one pipeline. Fails as client::Pipeline::Open() does.
[[nodiscard]] client::Result<std::unique_ptr<Run>> StartPipelined(const client::Options& client,
                                                                  Target target,
                                                                  const RunOptions& options);

}  // namespace kvd::load
