// The time of one process: what it has asked for happens while it lives, and not while it is
// paused.
//
// Threading: one world, one thread.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "tests/simulation/world.h"

namespace kvd::simulation {

class Life {
 public:
  explicit Life(World& world) : state_(std::make_shared<State>(State{world})) {}

  // What was asked for will not happen any more.
  ~Life() { state_->ended = true; }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // `action` happens after `delay`, or when a pause that holds it up is over.
  void After(Duration delay, World::Action action) {
    state_->world.After(delay, [state = state_, action = std::move(action)]() mutable {
      Happen(state, std::move(action));
    });
  }

  void Pause(Duration time) {
    state_->paused_until = std::max(state_->paused_until, state_->world.now() + time);
  }
  void Resume() { state_->paused_until = state_->world.now(); }
  [[nodiscard]] bool is_paused() const { return state_->world.now() < state_->paused_until; }

 private:
  struct State {
    World& world;
    Duration paused_until{};
    bool ended = false;
  };

  static void Happen(const std::shared_ptr<State>& state, World::Action action) {
    if (state->ended) return;
    const Duration now = state->world.now();
    if (now >= state->paused_until) return action();
    state->world.After(
        std::min<Duration>(state->paused_until - now, std::chrono::milliseconds(100)),
        [state, action = std::move(action)]() mutable { Happen(state, std::move(action)); });
  }

  std::shared_ptr<State> state_;
};

}  // namespace kvd::simulation
