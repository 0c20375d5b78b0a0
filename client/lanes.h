// The lanes of a pipeline, one per address, and which of them an operation should take: the one to
// its key's owner, else one that is open, else one that can be opened.
//
// Threading: confined to its owner; the lanes themselves are thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "client/core.h"
#include "client/hearing.h"
#include "client/lane.h"
#include "client/routes.h"

namespace kvd::client {

class Lanes {
 public:
  // How long an address is left alone that could not be connected to.
  static constexpr Duration kLeftAlone = std::chrono::milliseconds(500);

  // How long a lane may be silent that is asked.
  static constexpr Duration kBrokenAfter = std::chrono::seconds(1);

  // Queue and listener outlive this.
  Lanes(Access access, grpc::CompletionQueue& queue, LaneListener& listener)
      : access_(std::move(access)), queue_(queue), listener_(listener) {}

  // A lane that is open or opening, and not among `passed_over`. nullptr: there is none, now.
  [[nodiscard]] Lane* Choose(std::string_view key, const std::set<const Lane*>& passed_over,
                             Deadline now);

  void OnOpen(const Lane& lane);
  void OnClosed(const Lane& lane, bool was_open, const std::string& grpc_message, Deadline now);

  // Nothing is heard on the lane: it is only used if there is no other, and broken if it stays so.
  void OnSilence(Lane& lane, Deadline now);
  // `sent_at`: the latest of what was answered.
  void OnAnswers(const Lane& lane, Deadline sent_at, Deadline now);

  // What was heard on it.
  [[nodiscard]] const Hearing& HearingOf(const Lane& lane) { return Find(lane).hearing; }

  [[nodiscard]] Routes& routes() { return routes_; }
  [[nodiscard]] bool has_connected() const { return has_connected_; }

  // Somebody may yet answer for the first time, or it is about to be known why not.
  [[nodiscard]] bool IsAnyOpening() const;

  // Whom nobody could be connected to, and why: "127.0.0.1:7400 connection refused, ...".
  [[nodiscard]] std::string WhyNobody() const;

  // Sends what is queued in any.
  void FlushAll();

  void CancelAll();
  [[nodiscard]] bool AreClosed() const;

 private:
  struct Place {
    std::unique_ptr<Lane> lane;
    Deadline left_alone_until = Deadline::min();
    std::optional<Deadline> silent_since = {};
    Hearing hearing = {};
    std::string why_closed;
  };

  [[nodiscard]] Lane* Take(const std::string& address, const std::set<const Lane*>& passed_over,
                           bool silent_too, Deadline now);
  [[nodiscard]] Place* PlaceAt(const std::string& address);
  [[nodiscard]] Place& Find(const Lane& lane) { return places_.find(lane.address())->second; }

  const Access access_;
  grpc::CompletionQueue& queue_;
  LaneListener& listener_;
  std::map<std::string, Place> places_;  // By address.
  Routes routes_;
  bool has_connected_ = false;
};

}  // namespace kvd::client
