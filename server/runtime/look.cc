#include "server/runtime/look.h"

#include <utility>

namespace kvd::runtime {
namespace {

using Done = absl::AnyInvocable<void(std::optional<Seen>)>;

// An event that goes from shard to shard. If it is dropped unheard it still says that it is done.
class Visit {
 public:
  Visit(Runtime& runtime, bool at_ring, Done done)
      : runtime_(&runtime), at_ring_(at_ring), done_(std::move(done)) {}
  Visit(Visit&& other) noexcept
      : runtime_(other.runtime_),
        at_ring_(other.at_ring_),
        done_(std::exchange(other.done_, nullptr)),
        seen_(std::move(other.seen_)) {}
  Visit& operator=(Visit&&) = delete;
  ~Visit() {
    if (done_ != nullptr) done_(std::nullopt);
  }

  void operator()(node::Node& node, Instant now) {
    LookAt(node, now);
    const uint32_t next = node.shard().index + 1;
    if (next < runtime_->shards()) {
      runtime_->TryPost(next, std::move(*this));
    } else {
      std::exchange(done_, nullptr)(std::move(seen_));
    }
  }

 private:
  void LookAt(const node::Node& node, Instant now) {
    if (node.shard().is_first()) {
      if (at_ring_) seen_.ring = node.ViewRing(now);
      seen_.cluster = seen_.ring ? seen_.ring->cluster : node.ViewCluster(now);
      return;
    }
    Merge(seen_.cluster, node.ViewCluster(now));
    const auto other = seen_.ring ? node.ViewRing(now) : std::nullopt;
    if (other) Merge(*seen_.ring, *other, node.shard());
  }

  Runtime* runtime_;
  bool at_ring_;
  Done done_;
  Seen seen_;
};

}  // namespace

void Look(Runtime& runtime, bool at_ring, Done done) {
  runtime.TryPost(node::kFirstShard, Visit(runtime, at_ring, std::move(done)));
}

}  // namespace kvd::runtime
