// Links over real sockets: one node's links, service and runtime, and the peers of it, played with
// gRPC's own client and server.
//
// Threading: confined to the test's main thread, but for what gRPC calls.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/links.h"
#include "server/rpc/peer_service.h"
#include "server/runtime/runtime.h"
#include "server/runtime/steady_clock.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::rpc {

// A peer that is dialled: takes every link and reads from it, or refuses every one.
class DialledPeer final : public ::kvd::peer::v1::Peer::Service {
 public:
  DialledPeer();
  ~DialledPeer() override;

  // From now on every link is refused so.
  void Refuse(const Refusal& refusal) ABSL_LOCKS_EXCLUDED(mu_);

  grpc::Status Link(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>* stream) override;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int begun() const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] int ended() const ABSL_LOCKS_EXCLUDED(mu_);

  // The UUID that the last one who dialled expected here.
  [[nodiscard]] std::string expected() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  std::string address_;
  mutable absl::Mutex mu_;
  std::optional<Refusal> refusal_ ABSL_GUARDED_BY(mu_);
  std::string expected_ ABSL_GUARDED_BY(mu_);
  int begun_ ABSL_GUARDED_BY(mu_) = 0;
  int ended_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A peer that dials.
class DiallingPeer {
 public:
  DiallingPeer(const std::string& address, const Introduction& introduction);
  ~DiallingPeer();

  // True once the stream is open; false if it is refused.
  [[nodiscard]] bool IsAccepted();

  // Waits for the end of the stream. REQUIRES: called once.
  [[nodiscard]] grpc::Status AwaitEnd();

 private:
  std::unique_ptr<::kvd::peer::v1::Peer::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>> stream_;
  bool ended_ = false;
};

// Node n2 of a cluster of n1 to n4. It has its topology, and links only with those the test says.
class LinksWorld {
 public:
  LinksWorld();
  ~LinksWorld();

  void SetTargets(std::vector<node::LinkTarget> targets,
                  std::vector<topology::Removed> removed = {});

  // Nothing is linked any more, and never will be.
  void StopLinks() { links_.Stop(); }

  // `number` is that of a node.
  [[nodiscard]] static node::LinkTarget Target(uint8_t number, const std::string& address);
  [[nodiscard]] Introduction IntroductionOf(uint8_t number) const;

  // What the node believes of its link to that node comes to be.
  [[nodiscard]] bool AwaitLinked(uint8_t number, bool linked = true);
  [[nodiscard]] int CountInLog(const std::string& text) const { return logger_.Count(text); }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  class Lines final : public Logger {
   public:
    void Write(const LogLine& line) override;
    [[nodiscard]] int Count(const std::string& text) const;

   private:
    mutable absl::Mutex mu_;
    std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
  };

  // Frames go to the links, and nothing else anywhere.
  class Wire final : public runtime::Transport {
   public:
    explicit Wire(Links& links) : links_(links) {}
    void SetLinks(node::LinkSet) override {}
    void Send(NodeId peer, node::Frame frame) override { links_.Send(peer, std::move(frame)); }
    void Greet(topology::FoundingEffects::Greeting) override {}
    void AnswerHello(topology::HelloId, topology::HelloResponse) override {}
    void AnswerCalls(std::vector<node::CallAnswer>) override {}

   private:
    Links& links_;
  };

  const topology::Topology topology_;
  storage::TempDir temp_;
  std::unique_ptr<storage::DataDir> data_dir_;
  storage::MemoryLog log_;
  storage::MemoryStore store_;
  partition::StateMachines machines_{store_};
  runtime::SteadyClock clock_;
  Lines logger_;
  runtime::Runtime runtime_;
  EventLoop loop_{runtime_};
  Links links_;
  PeerService service_{loop_, runtime_, links_};
  Wire wire_{links_};
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace kvd::rpc
