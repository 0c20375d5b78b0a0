// What the runtime needs of the network: the one interface between the threads that think and those
// that talk.
#pragma once

#include <vector>

#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/topology/messages.h"

namespace kvd::runtime {

// Called by the shard only: by one thread at a time, which may be gRPC's, but for SetLinks() and
// Greet(). Never blocks it. Reports come back through Runtime::Post().
class Transport {
 public:
  virtual ~Transport() = default;

  // Keeps a link with each of the targets and with nobody else.
  virtual void SetLinks(node::LinkSet links) = 0;

  // Queues a frame behind what is pending for `peer`. What cannot be queued is reported with
  // Node::OnNotSent(); a heartbeat is then lost, and a reply if there is no link.
  virtual void Send(NodeId peer, node::Frame frame) = 0;

  // Sends a greeting. An answer is reported with Node::OnHelloAnswer(); a failure is not.
  virtual void Greet(topology::FoundingEffects::Greeting greeting) = 0;

  virtual void AnswerHello(topology::HelloId id, topology::HelloResponse response) = 0;
  virtual void AnswerCalls(std::vector<node::CallAnswer> answers) = 0;
};

}  // namespace kvd::runtime
