// The links of this node: dials those it has to dial, accepts the others, and tells the node which
// are up. Of a pair the member with the lower NodeId dials. Whoever has no link asks the other's
// port with a raw connect(): refused twice in a row is evidence that nobody is there.
//
// Members come, go and move while links are kept: who is none any more is cut off and never heard
// again, who dials without being one is told why not.
//
// Owns: a thread per peer, asleep while its link is up; channels live and die on it.
//
// Threading: thread-safe. Shards call SetTargets() and Send(); the event loop calls the listener.
#pragma once

#include <grpcpp/security/credentials.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/refusal.h"
#include "server/node/effects.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/link.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class Links final : public LinkListener {
 public:
  struct Options {
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    Uuid self;
    Duration connect_timeout = std::chrono::milliseconds(500);

    // Pauses between two looks for a lost peer double from the one to the other.
    Duration retry_soon = std::chrono::milliseconds(2);
    Duration retry_every = std::chrono::milliseconds(50);
    Duration redial_every = std::chrono::milliseconds(500);  // Where somebody is, but no link.
  };

  Links(Options options, EventLoop& loop, runtime::Runtime& runtime, Logger& logger);
  ~Links() override;

  // Members and the cluster they form, whenever they change. Whose target is what it was keeps its
  // link. Whoever is none any more, or has another UUID or address, is cut off: the node is told
  // that the link is down, and nothing else of it afterwards. Does not wait for any of this. No-op
  // once Stop() was called.
  void SetTargets(node::LinkSet links) ABSL_LOCKS_EXCLUDED(mu_);

  // Forwards that cannot be queued are reported to the node.
  void Send(NodeId peer, node::Frame frame) ABSL_LOCKS_EXCLUDED(mu_);

  // Who introduces itself with this metadata; or why there is no link with it: WRONG_CLUSTER,
  // WRONG_NODE naming both values, NODE_REMOVED, or for now NODE_JOINING, NODE_DRAINING.
  [[nodiscard]] std::variant<LinkPeer, Refusal> Recognise(const Introduction& introduction) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until what is queued for peers was sent, or `timeout` passed.
  void Drain(Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends all links and dialling. Nothing is accepted afterwards.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  void OnOpen(const std::shared_ptr<Link>& link) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnFrame(const std::shared_ptr<Link>& link, ::kvd::peer::v1::Frame& frame,
               ReadToken token) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnClosed(const std::shared_ptr<Link>& link) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // What is kept for one target. The keeper's thread ends when the target is gone, and is joined
  // later: nobody waits for it but Stop().
  struct Peer {
    Peer(node::LinkTarget t, uint32_t shards) : target(std::move(t)), reported_open(shards) {}
    [[nodiscard]] LinkPeer end() const { return {target.id, target.uuid}; }

    const node::LinkTarget target;
    bool gone = false;                    // It is no target any more.
    bool ended = false;                   // Its keeper is through.
    std::shared_ptr<Link> link;           // Open, or nullptr.
    uint64_t opened = 0;                  // Counts the links there have been.
    std::vector<uint64_t> reported_open;  // The link that each shard believes in; 0: none.
    std::string refusal;                  // What the peer said when it was dialled; reported once.
    std::thread keeper;
  };
  using PeerPtr = std::shared_ptr<Peer>;

  [[nodiscard]] std::vector<PeerPtr> RetireLocked(const std::vector<node::LinkTarget>& targets)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] std::vector<std::thread> TakeEndedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddLocked(node::LinkTarget target) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] PeerPtr HolderLocked(const std::shared_ptr<Link>& link) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Keep(const PeerPtr& peer) ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] bool AwaitDown(const Peer& peer) ABSL_LOCKS_EXCLUDED(mu_);
  void AwaitUpOr(const Peer& peer, Duration timeout, Link* dialled = nullptr)
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] uint64_t CountOpened(const Peer& peer) const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] std::optional<std::string> FindAnyone(const PeerPtr& peer, size_t turn);
  void Dial(Peer& peer, const std::string& address) ABSL_LOCKS_EXCLUDED(mu_);
  void NoteRefusal(Peer& peer, const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void ReportLink(const PeerPtr& peer);
  void ReportRefused(const PeerPtr& peer);
  void PostFrame(NodeId peer, node::Frame frame, ReadToken token);
  void BreakOff(const Peer& peer, Link& link);
  [[nodiscard]] std::shared_ptr<Link> LinkOf(const Peer& peer) const ABSL_LOCKS_EXCLUDED(mu_);

  const Options options_;
  EventLoop& loop_;
  runtime::Runtime& runtime_;
  Logger& logger_;
  mutable absl::Mutex mu_;
  Uuid cluster_id_ ABSL_GUARDED_BY(mu_);
  std::vector<topology::Removed> removed_ ABSL_GUARDED_BY(mu_);
  std::map<NodeId, PeerPtr> peers_ ABSL_GUARDED_BY(mu_);
  std::vector<PeerPtr> retired_ ABSL_GUARDED_BY(mu_);  // Gone, not through yet.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
