// Following a job until it has ended. What answers may change meanwhile, and nobody may answer for
// a while; the job goes on by itself, also when kvctl is interrupted.
//
// Threading: confined to the main thread.
#pragma once

#include <chrono>

#include "client/change.h"
#include "client/kvctl/exit_code.h"
#include "client/kvctl/progress.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

// One look while following: a node that is frozen must not use up the whole time.
inline constexpr Duration kLookLimit = std::chrono::seconds(1);

// What the cluster says of itself; empty if it does not. From now on the session asks any of its
// nodes: whoever answers now may stop before the job has ended.
// REQUIRES: session.Cluster() is not null.
client::ClusterStatus LookAround(Session& session);

// What one look may take of the command's time.
[[nodiscard]] Duration LookTime(const Session& session);

// Time since it was made.
class Stopwatch {
 public:
  [[nodiscard]] Duration Elapsed() const;

 private:
  std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
};

// Sleeps for `pause`, or for what is left of the command's time.
void Rest(const Session& session, Duration pause);

// What a look that failed means for who goes on looking.
class Looking {
 public:
  void OnAnswer() { patience_.OnAnswer(); }

  // nullopt: look again. Else why there is no sense in it.
  [[nodiscard]] std::optional<Failure> OnError(const client::Error& error);

 private:
  Stopwatch stopwatch_;
  Patience patience_;
};

enum class WishedEnd : uint8_t { kDone, kAborted };

// Shows the job, last seen as `job`, until it has ended or the command's time is over, whichever
// node answers. kDone if it ended as wished; kDegraded, reported, if it ended otherwise or not in
// time. REQUIRES: the job has a number; session.Cluster() is not null.
ExitCode FollowJob(Session& session, client::Job job, WishedEnd wished = WishedEnd::kDone);

}  // namespace kvd::kvctl
