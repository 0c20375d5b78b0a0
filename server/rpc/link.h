// One stream between two members, whoever dialled it. One write is outstanding at a time and what
// queues up behind it becomes the next frame; one read is outstanding, or its frame is still with
// the node: a node that is busy slows its peers down instead of filling its memory.
//
// The stream ends once, when a read fails; nothing is written after that.
//
// Threading: thread-safe. Never calls gRPC or its owner with its lock held.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/types.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/node/messages.h"
#include "server/rpc/frame_queue.h"

namespace kvd::rpc {

class Link;

// Frees the link to read on, when the frame it came with has been dealt with or dropped.
class ReadToken {
 public:
  explicit ReadToken(std::shared_ptr<Link> link) : link_(std::move(link)) {}
  ReadToken(ReadToken&&) = default;
  ReadToken& operator=(ReadToken&&) = delete;
  ~ReadToken();

 private:
  std::shared_ptr<Link> link_;
};

// Who is told of what happens to links; called on gRPC's threads.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void OnOpen(const std::shared_ptr<Link>& link) = 0;
  virtual void OnFrame(NodeId peer, ::kvd::peer::v1::Frame frame, ReadToken token) = 0;
  virtual void OnClosed(const std::shared_ptr<Link>& link) = 0;
};

class Link {
 public:
  virtual ~Link() = default;

  [[nodiscard]] NodeId peer() const { return peer_; }

  // Queues a frame. Returns the ids of the forwards that will not be sent.
  [[nodiscard]] std::vector<uint64_t> Send(node::Frame frame) ABSL_LOCKS_EXCLUDED(mu_);

  // A write is outstanding.
  [[nodiscard]] bool IsSending() ABSL_LOCKS_EXCLUDED(mu_);

  // Breaks the stream; the end is reported as ever. No-op once it has ended.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  // gRPC is through with this link.
  [[nodiscard]] bool IsDone() ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until gRPC is through with this link.
  void AwaitDone() ABSL_LOCKS_EXCLUDED(mu_);

 protected:
  Link(NodeId peer, LinkListener& listener);

  // The stream carries frames.
  void Opened();
  void Read(bool ok, ::kvd::peer::v1::Frame frame);
  void Written(bool ok);

  // gRPC is through with this link, which may be destroyed by the call.
  void Done();
  void SetDone() ABSL_LOCKS_EXCLUDED(mu_);

  virtual void StartRead() = 0;
  virtual void StartWrite(const ::kvd::peer::v1::Frame& frame) = 0;
  virtual void TryCancel() = 0;

  // Nothing more will be started on the stream.
  virtual void End() = 0;

  std::shared_ptr<Link> self_;  // Until Done(): gRPC holds a plain pointer.

 private:
  friend class ReadToken;

  void WriteNext();
  void Release() ABSL_LOCKS_EXCLUDED(mu_);

  const NodeId peer_;
  LinkListener& listener_;
  ::kvd::peer::v1::Frame writing_frame_;  // Owned by the write that is outstanding.
  absl::Mutex mu_;
  FrameQueue queue_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  int busy_ ABSL_GUARDED_BY(mu_) = 0;  // Threads or writes that still use the stream: End() waits.
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

// The side that accepted.
class AcceptedLink final
    : public Link,
      public grpc::ServerBidiReactor<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame> {
 public:
  static AcceptedLink* New(NodeId peer, LinkListener& listener,
                           grpc::CallbackServerContext& context);

 private:
  using Reactor = grpc::ServerBidiReactor<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>;

  AcceptedLink(NodeId peer, LinkListener& listener, grpc::CallbackServerContext& context)
      : Link(peer, listener), context_(context) {}

  void OnSendInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override { Read(ok, std::move(reading_)); }
  void OnWriteDone(bool ok) override { Written(ok); }
  void OnDone() override { Done(); }
  void StartRead() override { Reactor::StartRead(&reading_); }
  void StartWrite(const ::kvd::peer::v1::Frame& frame) override { Reactor::StartWrite(&frame); }
  void TryCancel() override { context_.TryCancel(); }
  void End() override { Finish(grpc::Status::OK); }

  grpc::CallbackServerContext& context_;
  ::kvd::peer::v1::Frame reading_;
};

// The side that dialled.
class DialledLink final
    : public Link,
      public grpc::ClientBidiReactor<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame> {
 public:
  // The metadata by which the other side knows us before the first frame.
  struct Introduction {
    std::string cluster_id;
    std::string from;
    std::string to;
  };

  static std::shared_ptr<DialledLink> New(NodeId peer, LinkListener& listener,
                                          ::kvd::peer::v1::Peer::Stub& stub,
                                          const Introduction& introduction);

 private:
  using Reactor = grpc::ClientBidiReactor<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>;

  using Link::Link;

  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override { Read(ok, std::move(reading_)); }
  void OnWriteDone(bool ok) override { Written(ok); }
  void OnDone(const grpc::Status&) override;
  void StartRead() override { Reactor::StartRead(&reading_); }
  void StartWrite(const ::kvd::peer::v1::Frame& frame) override { Reactor::StartWrite(&frame); }
  void TryCancel() override { context_.TryCancel(); }
  void End() override { RemoveHold(); }

  grpc::ClientContext context_;
  ::kvd::peer::v1::Frame reading_;
};

}  // namespace kvd::rpc
