// What nodes that share no topology yet say to one another, and the envelope around everything that
// nodes say. rpc turns these into protocol buffers and back.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/refusal.h"
#include "common/types.h"
#include "common/uuid.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// One start of a process on its data directory. A lower counter, or an equal one with another
// nonce, shows a directory that was rolled back or copied.
struct Boot {
  uint64_t counter = 0;
  uint64_t nonce = 0;

  friend bool operator==(const Boot&, const Boot&) = default;
};

// Who sends, whom to, and what the sender knows. Nil UUIDs mean "not known".
struct Envelope {
  Uuid cluster_id;
  Uuid from;
  Boot from_boot;
  Uuid to;
  Epoch epoch;
  uint32_t feature_level = kFeatureLevel;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// Who refuses an envelope that is not for `self` of `cluster_id`: WRONG_CLUSTER or WRONG_NODE,
// naming both values. A nil value on either side of a comparison agrees with everything.
[[nodiscard]] std::optional<Refusal> CheckEnvelope(const Envelope& envelope, const Uuid& cluster_id,
                                                   const NodeCard& self);

struct HelloRequest {
  Envelope envelope;
  NodeCard from;
  std::string to_name;  // Empty: whoever is at this address.
  ClusterTerms terms;
  bool found = false;    // "Bind yourself to the envelope's cluster and to me."
  std::string topology;  // A topology record; empty: none.
  bool join = false;     // "Take me in." Not with `found`.

  friend bool operator==(const HelloRequest&, const HelloRequest&) = default;
};

// What a node is durably bound to. Nil: blank.
struct Binding {
  Uuid cluster_id;
  Uuid founder;

  friend bool operator==(const Binding&, const Binding&) = default;
};

struct HelloResponse {
  Envelope envelope;
  NodeCard from;
  Binding bound;
  std::string topology;
  std::optional<Refusal> refused = {};
};

}  // namespace kvd::topology
