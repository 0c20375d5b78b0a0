// How nodes that share a cluster file come to share a topology (DESIGN 3.3, Founding): one node by
// one founder, once, and durably so before anyone relies on it.
//
// The first node by name founds. It draws a cluster id, binds itself to it on disk, and greets
// every listed node until each has answered that it is bound, on disk, to this id and this founder.
// Only then does it write epoch 1 and hand it on. Every other node asks around until someone hands
// it a topology of which it is a member. With `cluster.id` in the file nobody founds.
//
//   Blank --bind--> Bound --all answered (founder) / topology received--> Storing --stored--> Done
//
// Pure: what must be on disk before it is said goes out as a request and comes back as On...();
// until then Founding says nothing that depends on it.
//
// Threading: confined to the node.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "server/topology/messages.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// Names one greeting that awaits its answer.
using HelloId = Id<struct HelloIdTag, uint64_t>;

// What Founding asks to be done, in order.
struct FoundingEffects {
  struct Greeting {
    std::string name;     // Of the node greeted.
    std::string address;  // Its peer_address.
    HelloRequest request;
  };
  struct Answer {
    HelloId id;
    HelloResponse response;
  };

  std::vector<Greeting> greetings;
  std::vector<Answer> answers;
  std::optional<Binding> bind;    // Make durable, then call OnBound().
  std::optional<Topology> store;  // Make durable, then call OnStored().
  std::vector<LogLine> log;
};

class Founding {
 public:
  struct Peer {
    std::string name;
    std::string peer_address;
  };

  struct Options {
    NodeCard self;
    Boot boot;
    ClusterTerms terms;
    std::vector<Peer> peers;           // The other nodes listed in the file.
    std::optional<Uuid> cluster_id;    // `cluster.id` of the file: join this one, never found.
    Binding binding;                   // As read from the data directory.
    std::optional<Topology> topology;  // Likewise; then there is nothing left to found.
    Uuid fresh_cluster_id;             // Drawn by the caller; used if this node founds.
    Duration greet_every = std::chrono::milliseconds(100);
  };

  explicit Founding(Options options);

  // Greets whoever still has to be greeted. Call at NextWakeAt().
  void Advance(Instant now);

  // Someone greets us. Every greeting is answered exactly once, now or after OnBound().
  void OnHello(HelloId id, const HelloRequest& request);

  // `name` answered a greeting. An answer that never comes is not reported: greetings repeat.
  void OnHelloAnswer(const std::string& name, const HelloResponse& response);

  void OnBound();
  void OnStored();

  // The cluster decided a newer topology, which this node is to hold: it is stored, and in force
  // here from OnStored() on. An older one is ignored. REQUIRES: there is a topology.
  void Supersede(const Topology& newer);

  // Moves out what is to be done.
  [[nodiscard]] FoundingEffects TakeEffects();

  // The topology, once it is on this node's disk; nullptr before.
  [[nodiscard]] const Topology* topology() const { return topology_ ? &*topology_ : nullptr; }
  [[nodiscard]] const Binding& binding() const { return binding_; }

  // What is waited for, as a sentence for people; empty when done.
  [[nodiscard]] std::string WaitingFor() const;

  // When Advance() has something to do; Instant::max() when done.
  [[nodiscard]] Instant NextWakeAt() const;

 private:
  [[nodiscard]] bool IsFounder() const;
  [[nodiscard]] Envelope MakeEnvelope(const Uuid& to) const;
  [[nodiscard]] HelloRequest MakeGreeting(const Peer& peer) const;
  [[nodiscard]] HelloResponse MakeAnswer(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> Refuse(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> RefuseTerms(const HelloRequest& request) const;

  void Bind(const Binding& binding);
  void ConsiderTopology(const std::string& record, const std::string& from);
  void FoundIfComplete();
  void Store(Topology topology);
  void Say(LogLevel level, std::string message);
  void SetObstacle(const std::string& peer, std::string obstacle);

  const Options options_;
  Binding binding_;
  std::optional<Binding> binding_underway_;
  std::optional<Topology> storing_;
  std::optional<Topology> to_store_;  // Newer than that.
  std::optional<Topology> topology_;

  std::map<std::string, NodeCard> bound_;         // Founder: who answered that it is bound to us.
  std::map<std::string, std::string> obstacles_;  // Per peer, why it does not help; reported once.
  std::vector<std::pair<HelloId, HelloRequest>> waiting_for_bind_;
  std::set<std::string> informed_;  // Peers that hold the topology.
  Instant greet_at_ = Instant::min();
  FoundingEffects effects_;
};

}  // namespace kvd::topology
