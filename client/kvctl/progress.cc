#include "client/kvctl/progress.h"

#include <algorithm>

#include "client/kvctl/render_jobs.h"

namespace kvd::kvctl {

bool Progress::OnLook(const client::Job& job, Duration now) {
  using State = client::JobState;
  if (job.state == State::kRunning || job.state == State::kWaiting) forward_ = job;
  born_at_ = std::min(born_at_.value_or(Duration::max()), now - job.age);
  age_ = now - *born_at_;
  const uint64_t percent = PercentDone(job);
  const bool due = !said_ || said_->state != job.state || now - said_->at >= kEvery ||
                   percent >= said_->percent + kStepPercent;
  if (due) said_ = Said{.state = job.state, .percent = percent, .at = now};
  return due;
}

bool Patience::OnSilence(Duration now) {
  if (!silent_since_) silent_since_ = now;
  return now - *silent_since_ >= kLimit;
}

}  // namespace kvd::kvctl
