#include "client/kvctl/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "client/admin.h"
#include "client/kvctl/interrupt.h"
#include "client/kvctl/layout.h"
#include "client/kvctl/live_line.h"
#include "client/kvctl/render_jobs.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

using client::Job;
using client::JobState;

constexpr Duration kPollInterval = std::chrono::milliseconds(250);

// Shows how far a job is: a line, or objects.
class Display {
 public:
  explicit Display(Session& session) : session_(session), line_(session) {}

  // `due`: it is worth a line where lines stay.
  ExitCode Show(const Job& job, bool due) {
    if (session_.json()) return due ? session_.Print(JobJson(job)) : ExitCode::kDone;
    line_.Show(ProgressBar(job, session_.console().err_columns()), JobLine(job), due);
    return ExitCode::kDone;
  }

  // What is written next begins a line.
  void Finish() { line_.Finish(); }

 private:
  Session& session_;
  LiveLine line_;
};

std::string DetachedText(const Session& session, const Job& job) {
  // The cursor is at the end of a line that is redrawn.
  return fmt::format("{}kvctl: detached; the job goes on: kvctl jobs {}\n",
                     session.settings().animated ? "\n" : "", job.id);
}

class Follower {
 public:
  Follower(Session& session, Job job, WishedEnd wished)
      : session_(session),
        admin_(*session.Cluster()),
        job_(std::move(job)),
        wished_(wished),
        display_(session) {}

  ExitCode Run() {
    const LastWords words(DetachedText(session_, job_));
    while (true) {
      const bool due = progress_.OnLook(job_, stopwatch_.Elapsed());
      if (const ExitCode shown = display_.Show(job_, due); shown != ExitCode::kDone) return shown;
      if (job_.has_ended() || job_.state == JobState::kUnknown) return End();
      if (auto failure = LookAgain()) {
        display_.Finish();
        return session_.Fail(*failure);
      }
    }
  }

 private:
  // Until there is an answer. Else why there is no sense in waiting for one.
  std::optional<Failure> LookAgain() {
    while (true) {
      if (session_.IsOutOfTime()) return NotDone();
      Rest(session_, kPollInterval);
      const auto jobs = admin_.ListJobs(job_.id, {.timeout = LookTime(session_)});
      if (jobs.ok()) {
        looking_.OnAnswer();
        job_ = jobs->front();
        return std::nullopt;
      }
      if (auto failure = looking_.OnError(jobs.error())) return failure;
    }
  }

  ExitCode End() {
    display_.Finish();
    if (job_.state == JobState::kUnknown) {
      return session_.Fail({.exit_code = ExitCode::kError,
                            .reason = "UNKNOWN_STATE",
                            .message = fmt::format("{} is in a state this kvctl does not know; a "
                                                   "newer kvctl does",
                                                   JobTitle(job_)),
                            .metadata = Metadata()});
    }
    const bool aborted = job_.state == JobState::kAborted;
    if (aborted && wished_ == WishedEnd::kDone) return session_.Fail(Aborted());
    if (session_.json() || session_.settings().quiet) return ExitCode::kDone;
    std::string text = aborted ? "aborted" : "done";
    if (progress_.age() > Duration::zero()) text += " in " + FormatAge(progress_.age());
    return session_.Print(text + "\n");
  }

  [[nodiscard]] Failure Aborted() const {
    std::string message = JobTitle(job_) + " aborted";
    if (const auto& forward = progress_.forward()) {
      message +=
          fmt::format(" at {} of {}", forward->copies_done(), Plural(forward->copies, "replica"));
    }
    return {.exit_code = ExitCode::kDegraded,
            .reason = "JOB_ABORTED",
            .message = std::move(message),
            .metadata = Metadata()};
  }

  [[nodiscard]] Failure NotDone() const {
    return {.exit_code = ExitCode::kDegraded,
            .reason = "NOT_DONE",
            .message = fmt::format("not done after {}, it goes on: {}",
                                   config::FormatDuration(session_.settings().client.timeout),
                                   JobLine(job_)),
            .metadata = Metadata()};
  }

  [[nodiscard]] std::map<std::string, std::string> Metadata() const {
    return {{"job", std::to_string(job_.id)}};
  }

  Session& session_;
  const client::Admin admin_;
  Job job_;  // As last seen.
  const WishedEnd wished_;
  Display display_;
  Stopwatch stopwatch_;
  Progress progress_;
  Looking looking_;
};

}  // namespace

client::ClusterStatus LookAround(Session& session) {
  const auto status = session.Cluster()->GetStatus({.timeout = LookTime(session)});
  if (!status.ok()) return {};
  session.Widen(*status);
  return *status;
}

Duration LookTime(const Session& session) {
  return std::min(session.TimeLeft().value_or(kLookLimit), kLookLimit);
}

Duration Stopwatch::Elapsed() const {
  return std::chrono::steady_clock::now() - started_at_;
}

void Rest(const Session& session, Duration pause) {
  std::this_thread::sleep_for(std::min(pause, session.TimeLeft().value_or(pause)));
}

std::optional<Failure> Looking::OnError(const client::Error& error) {
  if (!IsPassing(error)) return FromError(error);
  if (error.kind != client::ErrorKind::kUnreachable) {
    patience_.OnAnswer();
    return std::nullopt;
  }
  if (!patience_.OnSilence(stopwatch_.Elapsed())) return std::nullopt;
  Failure failure = FromError(error);
  failure.message += "; what was begun goes on";
  return failure;
}

ExitCode FollowJob(Session& session, client::Job job, WishedEnd wished) {
  LookAround(session);
  return Follower(session, std::move(job), wished).Run();
}

}  // namespace kvd::kvctl
