// What watching costs: one frame heard, and one wake-up of a loop that finds nothing to do. The
// argument is the number of peers; every peer speaks each 100 ms, spread evenly, in an order that
// is not that of their numbers.
#include <benchmark/benchmark.h>

#include "server/heartbeat/failure_detector.h"

namespace kvd::heartbeat {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kStride = 389;  // Coprime to every argument below: visits every peer.

class Rhythm {
 public:
  explicit Rhythm(int64_t peers) : peers_(static_cast<uint32_t>(peers)) {
    for (uint32_t id = 1; id <= peers_; ++id) detector_.Add(NodeId{id}, now_);
    for (uint32_t i = 0; i < 20 * peers_; ++i) HearNext();
  }

  // The next frame in turn, with what it says of the other direction.
  void HearNext() {
    now_ += milliseconds(100) / peers_;
    const NodeId peer{next_};
    next_ = (next_ + kStride - 1) % peers_ + 1;
    detector_.Heard(peer, now_);
    detector_.PeerHeardUs(peer, milliseconds(50), now_);
    benchmark::DoNotOptimize(detector_.Advance(now_));
  }

  void WakeUp() { benchmark::DoNotOptimize(detector_.Advance(now_)); }

 private:
  FailureDetector detector_{{}};
  const uint32_t peers_;
  uint32_t next_ = 1;
  Instant now_{};
};

void BM_Frame(benchmark::State& state) {
  Rhythm rhythm(state.range(0));
  for ([[maybe_unused]] auto _ : state) rhythm.HearNext();
}
BENCHMARK(BM_Frame)->Arg(3)->Arg(10)->Arg(100)->Arg(1000);

void BM_IdleAdvance(benchmark::State& state) {
  Rhythm rhythm(state.range(0));
  for ([[maybe_unused]] auto _ : state) rhythm.WakeUp();
}
BENCHMARK(BM_IdleAdvance)->Arg(3)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace kvd::heartbeat
