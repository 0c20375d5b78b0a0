#include "client/kvctl/progress.h"

#include <algorithm>
#include <utility>

#include "client/kvctl/render_jobs.h"

namespace kvd::kvctl {

bool Milestones::OnLook(uint64_t percent, Duration now) {
  const bool due = !said_ || now - said_->at >= kEvery || percent >= said_->percent + kStepPercent;
  if (due) said_ = Said{.percent = percent, .at = now};
  return due;
}

double Speedometer::OnLook(uint64_t done, Duration now) {
  const std::chrono::duration<double> passed = now - since_;
  if (passed <= Duration::zero()) return per_second_.value_or(0);
  const double per_second = static_cast<double>(done - done_before_) / passed.count();
  if (passed < kWindow) return per_second_.value_or(per_second);
  done_before_ = done;
  since_ = now;
  per_second_ = per_second;
  return per_second;
}

bool Progress::OnLook(const client::Job& job, Duration now) {
  using State = client::JobState;
  if (job.state == State::kRunning || job.state == State::kWaiting) forward_ = job;
  born_at_ = std::min(born_at_.value_or(Duration::max()), now - job.age);
  age_ = now - *born_at_;
  if (std::exchange(state_, job.state) != job.state) milestones_.Reset();
  return milestones_.OnLook(PercentDone(job), now);
}

bool Patience::OnSilence(Duration now) {
  if (!silent_since_) silent_since_ = now;
  return now - *silent_since_ >= kLimit;
}

}  // namespace kvd::kvctl
