#include "tests/bench/failover/writers.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "config/units.h"

namespace kvd::bench {
namespace {

client::Client Open(const Writers::Options& options, size_t writer) {
  auto endpoints = options.endpoints;
  std::ranges::rotate(endpoints,
                      endpoints.begin() + static_cast<std::ptrdiff_t>(writer % endpoints.size()));
  auto client = client::Client::Open({.endpoints = std::move(endpoints),
                                      .timeout = options.timeout,
                                      .try_timeout = options.try_timeout});
  KVD_CHECK(client.ok(), "open a client");
  return *std::move(client);
}

// Of sorted times; the ends of the window count as successes, so that silence up to them counts.
double LongestGapMs(const std::vector<Time>& times, Time from, Time to) {
  Time last = from;
  Duration longest{};
  for (auto at = std::ranges::lower_bound(times, from); at != times.end() && *at < to; ++at) {
    longest = std::max<Duration>(longest, *at - last);
    last = *at;
  }
  longest = std::max<Duration>(longest, to - last);
  return std::chrono::duration<double, std::milli>(longest).count();
}

}  // namespace

Writers::Writers(const Options& options) {
  for (size_t i = 0; i < options.keys.size(); ++i) {
    std::vector<Key> keys;
    for (const std::string& name : options.keys[i]) keys.push_back({.name = name});
    writers_.push_back(
        std::make_unique<Writer>(Writer{.client = Open(options, i), .keys = std::move(keys)}));
  }
  for (const auto& writer : writers_) threads_.emplace_back([this, &writer] { Write(*writer); });
}

Writers::~Writers() {
  Stop();
}

void Writers::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Writers::Write(Writer& writer) const {
  for (uint64_t sequence = 1; !stopping_; ++sequence) {
    Key& key = writer.keys[sequence % writer.keys.size()];
    key.last_sent = sequence;
    const auto put = writer.client.Put(key.name, std::to_string(sequence));
    if (put.ok()) {
      writer.successes.push_back(std::chrono::steady_clock::now());
      key.acknowledged.push_back(sequence);
    } else {
      writer.failures.push_back(put.error().message);
    }
  }
}

Gaps Writers::GapsWithin(Time from, Time to) const {
  Gaps gaps;
  std::vector<Time> all;
  for (const auto& writer : writers_) {
    gaps.worst = std::max(gaps.worst, LongestGapMs(writer->successes, from, to));
    all.insert(all.end(), writer->successes.begin(), writer->successes.end());
  }
  std::ranges::sort(all);
  gaps.nobody = LongestGapMs(all, from, to);
  return gaps;
}

uint64_t Writers::SuccessesWithin(Time from, Time to) const {
  uint64_t count = 0;
  for (const auto& writer : writers_) {
    const auto& times = writer->successes;
    count += static_cast<uint64_t>(std::ranges::lower_bound(times, to) -
                                   std::ranges::lower_bound(times, from));
  }
  return count;
}

uint64_t Writers::acknowledged() const {
  uint64_t count = 0;
  for (const auto& writer : writers_) count += writer->successes.size();
  return count;
}

std::vector<std::string> Writers::failures() const {
  std::vector<std::string> all;
  for (const auto& writer : writers_) {
    all.insert(all.end(), writer->failures.begin(), writer->failures.end());
  }
  return all;
}

uint64_t Writers::CountLost(const client::Client& reader) const {
  uint64_t lost = 0;
  for (const auto& writer : writers_) {
    for (const Key& key : writer->keys) {
      const auto get = reader.Get(key.name);
      const auto found = !get.ok()     ? config::ParseNumber("")
                         : !get->entry ? config::ParseNumber("0")
                                       : config::ParseNumber(get->entry->value);
      if (!found.ok() || *found > key.last_sent) {
        ++lost;
        continue;
      }
      const auto later = std::ranges::upper_bound(key.acknowledged, *found);
      lost += static_cast<uint64_t>(key.acknowledged.end() - later);
    }
  }
  return lost;
}

}  // namespace kvd::bench
