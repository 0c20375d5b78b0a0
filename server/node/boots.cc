// How a node treats the boots of its peers: nothing counts that is said under one which is not
// remembered durably, and who comes back with an older disk is told to stop.

#include <fmt/format.h>

#include <utility>

#include "server/node/node.h"

namespace kvd::node {

// False: the frame is not taken, or not before the boot is on the disk.
bool Node::HearBoot(NodeId peer, Frame& frame) {
  if (frame.membership.superseded_by) {
    Condemn(peer, *frame.membership.superseded_by);
    return false;
  }
  const topology::Envelope& envelope = frame.envelope;
  const auto heard = boots_->Hear(envelope.from, envelope.from_boot);
  if (heard == topology::Boots::Heard::kRemembered) return true;
  if (heard == topology::Boots::Heard::kSuperseded) {
    const topology::Boot latest = *boots_->Find(envelope.from);
    FrameTo(peer).membership.superseded_by = latest;
    Say({LogLevel::kError,
         "node",
         "peer frame dropped, the disk of the peer is older than what it has said: rolled back or "
         "copied",
         {{"peer", NameOf(peer)},
          {"boot", fmt::to_string(envelope.from_boot.counter)},
          {"heard_under", fmt::to_string(latest.counter)}}});
    return false;
  }
  unheard_.emplace_back(peer, std::move(frame));
  if (is_first()) StoreBoots();
  return false;
}

void Node::StoreBoots() {
  if (auto record = boots_->TakeRecord()) effects_.boots = std::move(record);
}

void Node::OnBootsStored(Instant now) {
  now_ = now;
  boots_->OnStored();
  StoreBoots();
  TellOthers([&](Aside& aside) { aside.boots = boots_; });
  HearAgain(now);
}

void Node::HearAgain(Instant now) {
  for (auto& [peer, frame] : std::exchange(unheard_, {})) OnFrame(peer, std::move(frame), now);
}

void Node::Condemn(NodeId peer, const topology::Boot& latest) {
  const topology::Boot& own = options_.founding.boot;
  if (!topology::IsSuperseded(own, latest)) return;
  effects_.condemned = fmt::format(
      "the disk of {0} is older than what {0} has said: {1} heard it under boot {2}, this is boot "
      "{3}{4}; it was rolled back, or is a copy. What is on it must not be used: start {0} with an "
      "empty data directory, to join again as a new node",
      options_.founding.self.name, NameOf(peer), latest.counter, own.counter,
      own.counter == latest.counter ? " of another process" : "");
}

}  // namespace kvd::node
