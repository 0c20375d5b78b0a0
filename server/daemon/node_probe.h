// Asks the shards of the node how they are, and does not wait for long: a node that is stuck must
// not take those with it who want to know whether it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "server/node/counts.h"
#include "server/node/node.h"
#include "server/node/view.h"
#include "server/topology/topology.h"

namespace kvd::daemon {

// What a node, or one of its shards, says of itself at one moment.
struct NodeFacts {
  node::ClusterView view;
  uint32_t replicas = 0;  // Of partitions that are here,
  uint32_t missing = 0;   // or should be by the ring, and have yet to be made.

  // Partitions that the ring gives a replica on a node that is not up, as far as seen from here.
  uint32_t under_replicated = 0;
  node::Counts counts = {};
  std::map<std::pair<topology::JobKind, topology::JobState>, uint32_t> jobs = {};  // Not ended.
};

// What a shard knows of itself and of the partitions it holds. On the shard.
[[nodiscard]] NodeFacts FactsOf(const node::Node& shard, Instant now);

// Of the whole node, of what each of its shards said, the first one first; nullopt if one of them
// said nothing.
[[nodiscard]] std::optional<NodeFacts> Together(
    const std::vector<std::optional<NodeFacts>>& shards);

// Threading: confined to whoever asks; answers may come on any thread.
class NodeProbe {
 public:
  using Answer = std::function<void(NodeFacts)>;

  // Hands the question to a shard. It is answered once, later or at once, or never.
  using Ask = std::function<void(uint32_t shard, Answer)>;

  NodeProbe(uint32_t shards, Ask ask, Duration patience = std::chrono::seconds(1))
      : ask_(std::move(ask)), patience_(patience), owed_(shards) {}

  // Of each shard; nullopt: there was no answer for as long as the patience lasts. A shard that
  // owes an answer is not asked again, and waited for no longer than that from when it was asked:
  // of many questions to a node that is stuck only the first one waits.
  [[nodiscard]] std::vector<std::optional<NodeFacts>> Facts();

  [[nodiscard]] Duration patience() const { return patience_; }

 private:
  struct Question;

  void AskIfNothingIsOwed(uint32_t shard);
  [[nodiscard]] std::optional<NodeFacts> Await(uint32_t shard);

  const Ask ask_;
  const Duration patience_;
  std::vector<std::shared_ptr<Question>> owed_;  // By each shard.
};

}  // namespace kvd::daemon
