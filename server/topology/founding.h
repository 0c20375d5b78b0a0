// How a node comes to share a topology with others (DESIGN 3.3, Founding, Join and Return): one
// cluster is founded by one founder, once, and durably so before anyone relies on it; whoever comes
// later asks to be taken in.
//
// The first node by name founds. It draws a cluster id, binds itself to it on disk, and greets
// every listed node until each has answered that it is bound, on disk, to this id and this founder.
// Only then does it write epoch 1 and hand it on. Every other node asks around until someone hands
// it a topology of which it is a member.
//
//   Blank --bind--> Bound --all answered (founder) / topology received--> Storing --stored--> Done
//
// A node asks to join a cluster that exists, and never founds, if it is told to (`cluster.id` in
// the file, --join) or if it is shown a topology of which it is no member. Who founds then gives
// its own founding up, durably, before it asks. It greets one member after the other until a
// topology names it, and binds itself to that cluster. Members announce to their node who asks;
// what the cluster says to that comes back with SetVerdict().
//
// A member that starts again announces itself too, until a member that knows its card has answered:
// that is how the others learn its new address, and how it learns that it was removed.
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
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "server/topology/addressees.h"
#include "server/topology/messages.h"
#include "server/topology/topology.h"
#include "server/topology/verdicts.h"

namespace kvd::topology {

// Names one greeting that awaits its answer.
using HelloId = Id<struct HelloIdTag, uint64_t>;

// What Founding asks to be done, in order.
struct FoundingEffects {
  struct Greeting {
    std::string name;     // Of the node greeted, or its address where the name is not known.
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

  // Member: who asked to join, and members that greeted with another card than the topology has, in
  // order. Repeated as greetings are.
  std::vector<NodeCard> announced;

  // Member: another one showed a later topology of the cluster. This node is a member of it, or was
  // removed. Nothing is done about it here.
  std::optional<Topology> newer;
};

class Founding {
 public:
  using Peer = topology::Peer;

  struct Options {
    NodeCard self;
    Boot boot;
    ClusterTerms terms;
    std::vector<Peer> peers;           // The other nodes listed in the file.
    std::vector<std::string> join;     // --join: peer addresses to ask; then never found.
    std::optional<Uuid> cluster_id;    // `cluster.id` of the file: join this one, never found.
    Binding binding;                   // As read from the data directory.
    std::optional<Topology> topology;  // Likewise; then there is nothing left to found.
    Uuid fresh_cluster_id;             // Drawn by the caller; used if this node founds.
    Duration greet_every = std::chrono::milliseconds(100);     // All, while a cluster is founded.
    Duration ask_every = std::chrono::milliseconds(200);       // One of a cluster that exists.
    Duration announce_every = std::chrono::milliseconds(500);  // All, after a restart.
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

  // Likewise, and it is on this node's disk already, by the hand of who does all of the above for
  // this node: from now on it is in force here, too.
  void TakeOver(Topology topology) { topology_ = std::move(topology); }

  // Greets a member that nobody hears: it may have missed that this node has moved, and all that
  // was decided since. REQUIRES: there is a topology.
  void Seek(const Member& member);

  // What `node`, which asks to join, is told from now on, for a minute unless it is said again;
  // nullopt: nothing is in its way.
  void SetVerdict(const Uuid& node, std::optional<Refusal> refusal);

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
  [[nodiscard]] bool HandsOn() const;
  [[nodiscard]] Envelope MakeEnvelope(const Uuid& to) const;
  [[nodiscard]] std::vector<Addressee> Addressees() const;
  [[nodiscard]] HelloRequest MakeGreeting(const Addressee& to) const;
  void Greet(const Addressee& to);

  // Being greeted.
  [[nodiscard]] HelloResponse MakeAnswer(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> Refuse(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> RefuseFounder(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> RefuseTerms(const HelloRequest& request) const;
  [[nodiscard]] std::optional<Refusal> RefuseRemoved(const HelloRequest& request) const;
  void Announce(const HelloRequest& request);

  // Founding.
  void Bind(const Binding& binding);
  void FoundIfComplete();
  void Store(Topology topology);

  // Joining.
  void ConsiderTopology(const std::string& record, const std::string& from,
                        const std::optional<Refusal>& refused);
  void AskToJoin(Topology topology, const std::string& from, const std::optional<Refusal>& refused);
  [[nodiscard]] std::string WhatIsInTheWay(const Topology& topology,
                                           const std::optional<Refusal>& refused) const;
  [[nodiscard]] bool IsBoundElsewhere(const Topology& topology) const;

  // Being a member again.
  void OnAnswerToMember(const std::string& from, const HelloResponse& response);
  void ConsiderSuccessor(const HelloResponse& response);

  void Say(LogLevel level, std::string message);
  void SetObstacle(const std::string& peer, std::string obstacle);

  const Options options_;
  std::vector<Peer> known_;  // Of the file and of --join.
  Binding binding_;
  std::optional<Binding> binding_underway_;
  std::optional<Topology> joining_;  // To be stored once the binding to its cluster is durable.
  std::optional<Topology> storing_;
  std::optional<Topology> to_store_;  // Newer than that.
  std::optional<Topology> topology_;

  std::map<std::string, NodeCard> bound_;         // Founder: who answered that it is bound to us.
  std::map<std::string, std::string> obstacles_;  // Per peer, why it does not help; reported once.
  std::vector<std::pair<HelloId, HelloRequest>> waiting_for_bind_;
  std::set<std::string> informed_;  // Peers that hold the topology.

  bool asks_ = false;             // To join a cluster that exists.
  std::optional<Topology> seen_;  // Of that cluster, without this node.
  std::set<std::string> heard_;   // Who has answered.
  size_t next_ = 0;               // Whom to ask, counted up.
  bool announcing_ = false;       // A member, since it started.
  Verdicts verdicts_;

  Instant now_{};
  Instant greet_at_ = Instant::min();
  FoundingEffects effects_;
};

}  // namespace kvd::topology
