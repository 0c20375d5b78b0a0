#include "client/kvctl/commands_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/admin.h"
#include "client/kvctl/follow.h"
#include "client/kvctl/progress.h"
#include "client/kvctl/render_jobs.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

using client::Admin;
using client::Job;

constexpr Duration kPollInterval = std::chrono::milliseconds(250);

std::variant<uint64_t, Failure> JobNumber(const std::string& text) {
  const auto number = config::ParseNumber(text);
  if (!number.ok()) return UsageFailure("job " + Message(number.status()));
  return *number;
}

std::string Render(const Session& session, const std::vector<Job>& jobs) {
  return session.json() ? JobsJson(jobs) : JobsTable(jobs, session.settings().out_colour);
}

ExitCode Follow(Session& session, Job job, WishedEnd wished) {
  session.LiftDefaultTimeout();
  return FollowJob(session, std::move(job), wished);
}

// The list, again and again, until nothing is under way.
class Watch {
 public:
  explicit Watch(Session& session) : session_(session) {}

  ExitCode Run() {
    session_.LiftDefaultTimeout();
    LookAround(session_);
    const Admin admin(*session_.Cluster());
    while (!session_.IsOutOfTime()) {
      const auto jobs = admin.ListJobs(std::nullopt, {.timeout = LookTime(session_)});
      if (jobs.ok()) {
        looking_.OnAnswer();
        if (const ExitCode shown = Show(*jobs); shown != ExitCode::kDone) return shown;
        if (std::ranges::all_of(*jobs, &Job::has_ended)) return ExitCode::kDone;
      } else if (const auto failure = looking_.OnError(jobs.error())) {
        return session_.Fail(*failure);
      }
      Rest(session_, kPollInterval);
    }
    return ExitCode::kDone;
  }

 private:
  // Drawn anew on a terminal; elsewhere what was printed stays, and is printed less often.
  ExitCode Show(const std::vector<Job>& jobs) {
    const bool redraws = session_.settings().animated && session_.settings().on_terminal;
    if (redraws && !session_.json()) {
      return session_.Print("\x1b[H\x1b[2J" + Render(session_, jobs));
    }
    std::vector<std::pair<uint64_t, client::JobState>> states;
    for (const Job& job : jobs) states.emplace_back(job.id, job.state);
    const Duration now = stopwatch_.Elapsed();
    if (printed_at_ && states == states_ && now - *printed_at_ < Milestones::kEvery) {
      return ExitCode::kDone;
    }
    printed_at_ = now;
    states_ = std::move(states);
    return session_.Print(Render(session_, jobs));
  }

  Session& session_;
  Stopwatch stopwatch_;
  Looking looking_;
  std::optional<Duration> printed_at_;
  std::vector<std::pair<uint64_t, client::JobState>> states_;  // As printed.
};

ExitCode ListAll(Session& session) {
  const auto jobs =
      Admin(*session.Cluster()).ListJobs(std::nullopt, {.timeout = session.TimeLeft()});
  if (!jobs.ok()) return session.Fail(jobs.error());
  return session.Print(Render(session, *jobs));
}

ExitCode ShowOne(Session& session, uint64_t number, bool watch) {
  const auto jobs = Admin(*session.Cluster()).ListJobs(number, {.timeout = session.TimeLeft()});
  if (!jobs.ok()) return session.Fail(jobs.error());
  if (watch) return Follow(session, jobs->front(), WishedEnd::kDone);
  return session.Print(Render(session, *jobs));
}

ExitCode Abort(Session& session, uint64_t number, bool watch) {
  const auto job = Admin(*session.Cluster()).AbortJob(number, {.timeout = session.TimeLeft()});
  if (!job.ok()) return session.Fail(job.error());
  if (watch) return Follow(session, *job, WishedEnd::kAborted);
  if (session.json()) return session.Print(JobJson(*job));
  return session.settings().quiet ? ExitCode::kDone : session.Print(JobLine(*job) + "\n");
}

}  // namespace

ExitCode Jobs(Session& session, const CommandLine& line) {
  const bool watch = line.Has("watch");
  const bool abort = line.Has("abort");
  if (line.arguments.empty()) {
    if (abort) return session.Fail(UsageFailure("jobs: which one? kvctl jobs ID --abort"));
    if (session.Cluster() == nullptr) return ExitCode::kUsage;
    return watch ? Watch(session).Run() : ListAll(session);
  }
  const auto number = JobNumber(line.arguments[0]);
  if (const auto* failure = std::get_if<Failure>(&number)) return session.Fail(*failure);
  if (session.Cluster() == nullptr) return ExitCode::kUsage;
  const auto job = std::get<uint64_t>(number);
  return abort ? Abort(session, job, watch) : ShowOne(session, job, watch);
}

ExitCode WaitForJob(Session& session, const std::string& number) {
  const auto job = JobNumber(number);
  if (const auto* failure = std::get_if<Failure>(&job)) return session.Fail(*failure);
  if (session.Cluster() == nullptr) return ExitCode::kUsage;
  return ShowOne(session, std::get<uint64_t>(job), /*watch=*/true);
}

}  // namespace kvd::kvctl
