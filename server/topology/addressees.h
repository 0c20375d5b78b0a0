// Whom a node greets while it looks for its cluster: the nodes that its file lists, addresses it
// was told, and the members of a topology that it has seen.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <vector>

#include "server/topology/topology.h"

namespace kvd::topology {

// A node and where it may be. `name` is empty for an address of which no more is known.
struct Peer {
  std::string name;
  std::string peer_address;

  friend bool operator==(const Peer&, const Peer&) = default;
};

// As greetings call it: by its name, or by its address, if it has no name or is not the first of
// its name.
struct Addressee {
  std::string label;
  Peer peer;

  friend bool operator==(const Addressee&, const Addressee&) = default;
};

// Those of `known` first, in order, then the members of `seen`, if any, but `self`. One per address
// and name.
[[nodiscard]] std::vector<Addressee> AddresseesOf(const std::vector<Peer>& known,
                                                  const Topology* seen, const Uuid& self);

}  // namespace kvd::topology
