#include "server/node/job_watch.h"

#include <algorithm>

namespace kvd::node {
namespace {

using std::chrono::milliseconds;

constexpr Duration kBetweenSamples = std::chrono::seconds(1);
constexpr size_t kSamples = 11;

// Whoever reports nonsense gets no overflow.
constexpr uint64_t kLongestMs = uint64_t{365} * 24 * 3600 * 1000;

}  // namespace

void JobWatch::Look(topology::JobId job, uint64_t bytes_left, Instant now) {
  Watched& watched = watched_.try_emplace(job, Watched{.since = now, .samples = {}}).first->second;
  watched.most_left = std::max(watched.most_left, bytes_left);
  auto& samples = watched.samples;
  // More than before: sizes became known, and what was seen until now says nothing.
  if (!samples.empty() && bytes_left > samples.back().bytes_left) samples.clear();
  if (!samples.empty() && now < samples.back().at + kBetweenSamples) return;
  samples.push_back({now, bytes_left});
  if (samples.size() > kSamples) samples.pop_front();
}

JobWatch::Pace JobWatch::PaceOf(topology::JobId job, Instant now) const {
  const auto it = watched_.find(job);
  if (it == watched_.end()) return {};
  const Watched& watched = it->second;
  const Sample& first = watched.samples.front();
  const Sample& last = watched.samples.back();
  Pace pace{.bytes_total = watched.most_left, .age = now - watched.since, .left = std::nullopt};
  const auto took = static_cast<uint64_t>((last.at - first.at) / milliseconds(1));
  if (took == 0 || first.bytes_left <= last.bytes_left) return pace;
  pace.bytes_per_second = (first.bytes_left - last.bytes_left) * 1000 / took;
  if (pace.bytes_per_second == 0) return pace;
  const uint64_t left_s = last.bytes_left / pace.bytes_per_second;
  pace.left = milliseconds(
      left_s >= kLongestMs / 1000 ? kLongestMs : last.bytes_left * 1000 / pace.bytes_per_second);
  return pace;
}

void JobWatch::Retain(const topology::Topology& topology) {
  std::erase_if(watched_, [&](const auto& each) {
    const topology::Job* job = topology.FindJob(each.first);
    return job == nullptr || job->HasEnded();
  });
}

}  // namespace kvd::node
