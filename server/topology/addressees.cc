#include "server/topology/addressees.h"

#include <algorithm>

namespace kvd::topology {

std::vector<Addressee> AddresseesOf(const std::vector<Peer>& known, const Topology* seen,
                                    const Uuid& self) {
  std::vector<Addressee> addressees;
  const auto add = [&](const Peer& peer) {
    const auto is_same = [&](const Addressee& each) {
      return each.peer.peer_address == peer.peer_address &&
             (each.peer.name == peer.name || each.peer.name.empty() || peer.name.empty());
    };
    if (std::ranges::any_of(addressees, is_same)) return;
    const bool is_first = std::ranges::none_of(
        addressees, [&](const Addressee& each) { return each.label == peer.name; });
    addressees.push_back(
        {.label = peer.name.empty() || !is_first ? peer.peer_address : peer.name, .peer = peer});
  };
  for (const Peer& peer : known) add(peer);
  if (seen == nullptr) return addressees;
  for (const Member& member : seen->members) {
    if (member.card.uuid != self) add({member.card.name, member.card.peer_address});
  }
  return addressees;
}

}  // namespace kvd::topology
