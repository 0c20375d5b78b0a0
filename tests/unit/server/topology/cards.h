// Who appears in the topology tests: nodes n1, n2, ... with recognisable UUIDs, of a cluster
// "demo".
#pragma once

#include <string>
#include <vector>

#include "server/topology/topology.h"

namespace kvd::topology {

// The UUID whose bytes are all `digit`.
inline Uuid UuidOf(uint8_t digit) {
  Uuid uuid;
  uuid.bytes.fill(digit);
  return uuid;
}

inline std::string NameOfNode(uint8_t number) {
  return "n" + std::to_string(number);
}

// Node `number`, whose UUID is made of its number.
inline NodeCard CardOf(uint8_t number) {
  const std::string port = std::to_string(7400 + 10 * number);
  const std::string peer_port = std::to_string(7401 + 10 * number);
  return {.name = NameOfNode(number),
          .uuid = UuidOf(number),
          .address = "127.0.0.1:" + port,
          .peer_address = "127.0.0.1:" + peer_port,
          .zone = "z" + std::to_string(number)};
}

inline std::vector<NodeCard> CardsOf(uint8_t nodes) {
  std::vector<NodeCard> cards;
  for (uint8_t n = 1; n <= nodes; ++n) cards.push_back(CardOf(n));
  return cards;
}

inline ClusterTerms TermsOf(uint8_t nodes) {
  ClusterTerms terms{.name = "demo", .partitions = 16, .replication = 3, .node_names = {}};
  for (uint8_t n = 1; n <= nodes; ++n) terms.node_names.push_back(NameOfNode(n));
  return terms;
}

}  // namespace kvd::topology
