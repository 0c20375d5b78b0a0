#include "client/load/sweep.h"

#include <algorithm>
#include <utility>

#include "client/load/slots.h"

namespace kvd::load {
namespace {

constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);

// More gain nothing; and what is underway is held in memory, here and at the nodes.
size_t Underway(const RecordFormat& format) {
  constexpr size_t kMost = 256;
  constexpr size_t kMostBytes = size_t{16} << 20U;
  return std::clamp<size_t>(kMostBytes / (format.options().value_bytes + 1), 1, kMost);
}

class Sweep {
 public:
  Sweep(client::Pipeline& pipeline, const RecordFormat& format, Watch watch)
      : pipeline_(pipeline), format_(format), watch_(std::move(watch)), slots_(Underway(format)) {}

  // Begins `one` for each record from `begin` to `end`; false: it is over early. Each ends with
  // EndOne().
  template <typename One>
  bool Over(uint64_t begin, uint64_t end, One one) {
    for (uint64_t record = begin; record < end; ++record) {
      while (!slots_.Take(kBetweenLooks)) {
        if (!MayGoOn()) return false;
      }
      if (IsLookDue() && !MayGoOn()) return false;
      one(record);
    }
    return true;
  }

  void EndOne(const client::Error* error, bool changed) {
    {
      const absl::MutexLock lock(&mu_);
      if (error == nullptr) {
        ++swept_.looked_at;
        swept_.changed += changed ? 1 : 0;
      } else if (!swept_.error) {
        swept_.error = *error;
      }
    }
    slots_.Free();
  }

  // Waits for what is underway.
  Swept Finish() {
    pipeline_.AwaitAll();
    return SoFar();
  }

  [[nodiscard]] Swept SoFar() {
    const absl::MutexLock lock(&mu_);
    return swept_;
  }

  void FillOne(uint64_t record) {
    pipeline_.Get(format_.Key(record), [this, record](const auto& get) {
      if (!get.ok()) return EndOne(&get.error(), false);
      const bool is_there = get->entry && get->entry->value.size() == format_.options().value_bytes;
      if (is_there) return EndOne(nullptr, false);
      Random random(record);
      pipeline_.Put(format_.Key(record), format_.Value(random),
                    [this](const auto& put) { EndOne(put.ok() ? nullptr : &put.error(), true); });
    });
  }

  void DeleteOne(uint64_t record) {
    pipeline_.Delete(format_.Key(record), [this](const auto& deleted) {
      if (!deleted.ok()) return EndOne(&deleted.error(), false);
      EndOne(nullptr, deleted->version.has_value());
    });
  }

 private:
  [[nodiscard]] bool IsLookDue() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_at_ < kBetweenLooks) return false;
    looked_at_ = now;
    return true;
  }

  [[nodiscard]] bool MayGoOn() {
    const Swept so_far = SoFar();
    return !so_far.error && watch_(so_far);
  }

  client::Pipeline& pipeline_;
  const RecordFormat& format_;
  const Watch watch_;
  Slots slots_;
  std::chrono::steady_clock::time_point looked_at_{};
  absl::Mutex mu_;
  Swept swept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

Swept Fill(client::Pipeline& pipeline, const RecordFormat& format, uint64_t count,
           const Watch& watch) {
  Sweep sweep(pipeline, format, watch);
  sweep.Over(0, count, [&](uint64_t record) { sweep.FillOne(record); });
  return sweep.Finish();
}

Swept Clean(client::Pipeline& pipeline, const RecordFormat& format, uint64_t count,
            const Watch& watch) {
  constexpr uint64_t kInARow = 1000;
  Sweep sweep(pipeline, format, watch);
  const auto one = [&](uint64_t record) { sweep.DeleteOne(record); };
  bool goes_on = sweep.Over(0, count, one);
  while (goes_on) {
    const Swept before = sweep.Finish();
    goes_on = !before.error && sweep.Over(count, count + kInARow, one) &&
              sweep.Finish().changed > before.changed;
    count += kInARow;
  }
  return sweep.Finish();
}

}  // namespace kvd::load
