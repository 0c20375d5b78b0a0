// When a node was heard on a stream, and hence whether an operation that it has not answered is
// lost, or only one of many: how long answers take is the load's, silence is not. A client that
// sent again whatever takes long would multiply the load of nodes that have too much of it.
//
// Pure: time is the caller's. Threading: confined to its owner.
#pragma once

#include <algorithm>

#include "client/resolve.h"
#include "common/clock.h"

namespace kvd::client {

class Hearing {
 public:
  // An answer came to an operation that was sent then.
  void OnAnswer(Deadline sent_at, Deadline now) {
    heard_at_ = std::max(heard_at_, now);
    answered_ = std::max(answered_, sent_at);
  }

  // When an operation that was sent then, and is not answered, has waited too long: nothing was
  // heard for `limit`, or what was sent so much later is answered. Later than `now`: look again
  // then. Zero for no limit.
  [[nodiscard]] Deadline TooLongAt(Deadline sent_at, Duration limit, Deadline now) const {
    if (limit == Duration::zero()) return Deadline::max();
    if (answered_ - limit >= sent_at) return now;
    return std::max(sent_at, heard_at_) + limit;
  }

  // Nothing was heard since it was sent, or for `limit`.
  [[nodiscard]] bool IsSilent(Deadline sent_at, Duration limit, Deadline now) const {
    return heard_at_ <= sent_at || (limit > Duration::zero() && now - heard_at_ >= limit);
  }

 private:
  Deadline heard_at_{};  // The clock's beginning: never.
  Deadline answered_{};  // When what was answered had been sent, at the latest.
};

}  // namespace kvd::client
