#include "tests/simulation/swarm.h"

#include "common/check.h"

namespace kvd::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Draw {
 public:
  explicit Draw(Random& random) : random_(random) {}

  bool Coin() { return random_.Chance(500'000); }
  uint32_t Between(uint32_t low, uint32_t high) {
    return static_cast<uint32_t>(random_.Between(low, high));
  }
  Duration Between(Duration low, Duration high) {
    return Duration(static_cast<int64_t>(
        random_.Between(static_cast<uint64_t>(low.count()), static_cast<uint64_t>(high.count()))));
  }

  // Zero in half of the seeds.
  uint32_t Ppm(uint32_t max) { return Coin() ? Between(0, max) : 0; }
  Plague Strikes(Duration every_min, Duration every_max, Duration at_most) {
    if (Coin()) return {};
    return {Between(every_min, every_max), Between(at_most / 20, at_most)};
  }

 private:
  Random& random_;
};

void DrawNetwork(Draw& draw, Swarm& swarm) {
  swarm.delay_min = draw.Between(microseconds(20), milliseconds(2));
  swarm.delay_max = swarm.delay_min + draw.Between(Duration::zero(), milliseconds(20));
  if (draw.Ppm(1) != 0) swarm.delay_max += draw.Between(Duration::zero(), milliseconds(100));
  swarm.tail_ppm = draw.Ppm(50'000);
  swarm.loss_ppm = draw.Ppm(300'000);
  swarm.duplication_ppm = draw.Ppm(500'000);
  swarm.cuts = draw.Strikes(seconds(1), seconds(6), seconds(8));
  swarm.one_way_cuts = draw.Coin();
  swarm.link_breaks = draw.Strikes(milliseconds(100), seconds(4), milliseconds(20));
  if (draw.Ppm(3) == 1) swarm.max_queued_bytes = draw.Between(200, 2000);
  swarm.link_timeout = draw.Between(seconds(1), seconds(13));
}

void DrawMachines(Draw& draw, Swarm& swarm) {
  swarm.crashes = draw.Strikes(milliseconds(300), seconds(5), seconds(4));
  swarm.all_crash_ppm = draw.Ppm(300'000);
  swarm.pauses = draw.Strikes(milliseconds(500), seconds(5), seconds(5));
  swarm.clock_spread_ppm = draw.Ppm(100'000);
  swarm.write_max = draw.Coin() ? draw.Between(milliseconds(1), seconds(1)) : milliseconds(2);
  swarm.slow_write_ppm = draw.Ppm(500'000);
  swarm.io_error_ppm = draw.Coin() ? draw.Ppm(20'000) : 0;
  if (draw.Coin()) swarm.full_disks = draw.Strikes(seconds(1), seconds(8), seconds(3));
  swarm.flush_every = draw.Between(milliseconds(50), seconds(10));
}

}  // namespace

Swarm DrawSwarm(Random& random) {
  Draw draw(random);
  Swarm swarm{.nodes = draw.Between(1, 7),
              .partitions = 1U << draw.Between(0, 4),
              .keys = draw.Between(1, 6),
              .clients = draw.Between(1, 6),
              .safety_phase = draw.Between(seconds(5), seconds(20))};
  DrawNetwork(draw, swarm);
  DrawMachines(draw, swarm);
  swarm.think_max = draw.Between(milliseconds(2), milliseconds(400));
  swarm.budget_max = draw.Between(milliseconds(50), seconds(4));
  swarm.lost_answer_ppm = draw.Ppm(100'000);
  swarm.max_inflight_bytes = draw.Ppm(3) == 1 ? draw.Between(700, 4000) : 64U << 20U;
  return swarm;
}

std::string_view SabotageName(Sabotage sabotage) {
  switch (sabotage) {
    case Sabotage::kNone:
      return "none";
    case Sabotage::kAcknowledgeBeforeSync:
      return "acknowledge-before-sync";
    case Sabotage::kLoseReplay:
      return "lose-replay";
    case Sabotage::kTruncateUnflushed:
      return "truncate-unflushed";
    case Sabotage::kAnswerBeforeBound:
      return "answer-before-bound";
    case Sabotage::kDeliverTwice:
      return "deliver-twice";
    case Sabotage::kReadStale:
      return "read-stale";
    case Sabotage::kRefuseWhatWasSent:
      return "refuse-what-was-sent";
    case Sabotage::kReuseBoot:
      return "reuse-boot";
    case Sabotage::kForgetAnswer:
      return "forget-answer";
  }
  KVD_CHECK(false, "every sabotage has a name");
}

std::optional<Sabotage> ParseSabotage(std::string_view name) {
  for (const Sabotage sabotage : kSabotages) {
    if (SabotageName(sabotage) == name) return sabotage;
  }
  return std::nullopt;
}

}  // namespace kvd::simulation
