// The links of this node: dials those it has to dial, accepts the others, and tells the node which
// are up. Of a pair the member with the lower NodeId dials. Whoever has no link asks the other's
// port with a raw connect(): refused twice in a row is evidence that nobody is there.
//
// Owns: a thread per peer, asleep while its link is up; channels live and die on it.
//
// Threading: thread-safe. The shard calls SetTargets() and Send(); the event loop calls the
// listener.
#pragma once

#include <grpcpp/security/credentials.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/log.h"
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

  // Members and the cluster they form; called once the node has a topology.
  void SetTargets(node::LinkSet links) ABSL_LOCKS_EXCLUDED(mu_);

  // Forwards that cannot be queued are reported to the node.
  void Send(NodeId peer, node::Frame frame) ABSL_LOCKS_EXCLUDED(mu_);

  // Who introduces itself with this metadata; nullopt: nobody we keep a link with.
  [[nodiscard]] std::optional<NodeId> Recognise(const Introduction& introduction) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until what is queued for peers was sent, or `timeout` passed.
  void Drain(Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends all links and dialling. Nothing is accepted afterwards.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  void OnOpen(const std::shared_ptr<Link>& link) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnFrame(NodeId peer, ::kvd::peer::v1::Frame frame, ReadToken token) override;
  void OnClosed(const std::shared_ptr<Link>& link) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Peer {
    node::LinkTarget target;
    std::shared_ptr<Link> link;  // Open, or nullptr.
    uint64_t opened = 0;         // Counts the links there have been.
    uint64_t reported_open = 0;  // Shard: the link the node believes in; 0: none.
    std::thread keeper;
  };

  void Keep(Peer& peer);
  [[nodiscard]] bool AwaitDown(Peer& peer) ABSL_LOCKS_EXCLUDED(mu_);
  void AwaitUpOr(Peer& peer, Duration timeout, Link* dialled = nullptr) ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] uint64_t CountOpened(const Peer& peer) const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] bool IsAnyoneThere(const node::LinkTarget& target);
  void Dial(Peer& peer);
  void ReportLink(NodeId peer);
  void OnMalformed(NodeId id) ABSL_LOCKS_EXCLUDED(mu_);

  const Options options_;
  EventLoop& loop_;
  runtime::Runtime& runtime_;
  Logger& logger_;
  mutable absl::Mutex mu_;
  Uuid cluster_id_ ABSL_GUARDED_BY(mu_);
  std::map<NodeId, Peer> peers_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
