#include "tests/simulation/network.h"

namespace kvd::simulation {
namespace {

constexpr int kMaxResends = 5;  // 6.2 s in all.

}  // namespace

Duration Network::DrawDelay() {
  if (calm_) return std::chrono::microseconds(200);
  const Duration delay = world_.Between(swarm_.delay_min, swarm_.delay_max);
  return world_.random().Chance(swarm_.tail_ppm) ? delay * 30 : delay;
}

Duration Network::DrawReliableDelay() {
  Duration delay = DrawDelay();
  Duration resend_after = std::chrono::milliseconds(200);
  for (int i = 0; i < kMaxResends && !calm_ && world_.random().Chance(swarm_.loss_ppm); ++i) {
    delay += resend_after;
    resend_after *= 2;
  }
  return delay;
}

void Network::Carry(HostId from, HostId to, const World::Action& deliver) {
  const int copies = !calm_ && world_.random().Chance(swarm_.duplication_ppm) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (IsCut(from, to) || (!calm_ && world_.random().Chance(swarm_.loss_ppm))) continue;
    world_.After(DrawDelay(), [this, from, to, deliver] {
      if (!IsCut(from, to)) deliver();
    });
  }
}

}  // namespace kvd::simulation
