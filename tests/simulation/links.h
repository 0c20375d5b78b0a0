// The links between processes, as rpc keeps them: of a pair the member with the lower id dials,
// whoever has no link knocks at the other's port, and two refusals in a row are reported. Where a
// peer may be at two addresses, both are tried in turn.
//
// A link is an ordered stream in each direction, like TCP: what is sent arrives in order, late, or
// not at all once the link has broken. Each end learns of the break by itself, behind what still
// arrives. A link belongs to two processes: a restarted one has new links.
//
// Threading: one world, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/uuid.h"
#include "server/node/effects.h"
#include "tests/simulation/network.h"

namespace kvd::simulation {

// A running process, as links see it.
class LinkUser {
 public:
  virtual ~LinkUser() = default;

  // Its threads do not run at the moment, though its kernel does.
  [[nodiscard]] virtual bool IsPaused() const = 0;

  virtual void OnLinkUp(NodeId peer) = 0;
  virtual void OnLinkDown(NodeId peer) = 0;
  virtual void OnRefused(NodeId peer) = 0;
  virtual void OnFrame(NodeId peer, const node::Frame& frame) = 0;
  virtual void OnNotSent(const std::vector<uint64_t>& forward_ids) = 0;
};

class Links {
 public:
  Links(World& world, Network& network, const Swarm& swarm);

  // A process of `uuid` listens on `host`, at `address`, from now on.
  void Attach(HostId host, const std::string& address, const Uuid& uuid, LinkUser& user);

  // It died: its links break, and nobody listens.
  void Detach(HostId host);

  // Whose target is what it was keeps its link; the others are cut off and dialled anew.
  // REQUIRES: attached.
  void SetTargets(HostId host, const node::LinkSet& links);

  void Send(HostId host, NodeId peer, node::Frame frame);

  // Breaks one link of those that are up, if any.
  void BreakOne();

 private:
  enum class Kind : uint8_t { kOpen, kFrame, kEnd };

  struct Item {
    Kind kind = Kind::kFrame;
    node::Frame frame;
    Duration arrives{};
    uint64_t bytes = 0;
  };

  struct End {
    HostId host;
    uint64_t run = 0;
    NodeId peer;  // The other end, as this one calls it.
    std::deque<Item> arriving;
    Duration stuck_since{};  // Behind a cut; zero: not stuck.
  };

  struct Link {
    std::array<End, 2> ends;
    bool broken = false;
  };
  using LinkPtr = std::shared_ptr<Link>;

  struct Peer {
    node::LinkTarget target;
    LinkPtr link;      // Open at this end.
    LinkPtr dialling;  // Not open yet.
    uint64_t number =
        0;  // Among all peers there have been: who knocked for one knocks for none after it.
    bool knocking = false;
    uint32_t knocks = 0;
  };

  // What `host` holds of links.
  struct Seat {
    std::string address;
    Uuid uuid;
    Uuid cluster_id;
    LinkUser* user = nullptr;  // nullptr: nobody listens.
    uint64_t run = 0;
    uint64_t last_number = 0;
    std::map<NodeId, Peer> peers;
  };

  [[nodiscard]] LinkUser* UserAt(const End& end);
  [[nodiscard]] std::optional<HostId> ListenerAt(const std::string& address) const;

  [[nodiscard]] static Peer* PeerAt(Seat& seat, NodeId id);
  void CutOff(Seat& seat, NodeId id);
  void Knock(HostId host, uint64_t run, NodeId id, uint64_t number);
  void KnockLater(HostId host, uint64_t run, NodeId id, Duration delay);
  void Dial(HostId host, NodeId id, HostId to);
  void Accept(const LinkPtr& link, Duration give_up_at);

  void DropSome(node::Frame& frame);
  void Put(const LinkPtr& link, size_t towards, Kind kind, node::Frame frame);
  void Arrive(const LinkPtr& link, size_t at);
  void Hand(const LinkPtr& link, size_t at, const Item& item);
  void Open(const LinkPtr& link, size_t at);
  void Close(const LinkPtr& link, size_t at);
  void Break(const LinkPtr& link);
  void TimeOut(const LinkPtr& link);

  World& world_;
  Network& network_;
  const Swarm& swarm_;
  std::map<HostId, Seat> seats_;
  std::vector<LinkPtr> links_;
};

}  // namespace kvd::simulation
