// One stream between two members, whoever dialled it. One write is outstanding at a time and what
// queues up behind it becomes the next frame; one read is outstanding, or its frame is still with
// the node: a node that is busy slows its peers down instead of filling its memory.
//
// The stream ends once, when a read fails; nothing is written after that.
//
// Threading: thread-safe. Never calls gRPC or its owner with its lock held.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/types.h"
#include "kvd/peer/v1/peer.grpc.pb.h"
#include "server/node/messages.h"
#include "server/rpc/event_loop.h"
#include "server/rpc/frame_queue.h"
#include "server/rpc/wire_frame.h"

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

// Who is told of what happens to links; called on the loop's thread.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void OnOpen(const std::shared_ptr<Link>& link) = 0;

  // May take the bytes of the frame, which is good until it returns.
  virtual void OnFrame(const std::shared_ptr<Link>& link, ::kvd::peer::v1::Frame& frame,
                       ReadToken token) = 0;
  virtual void OnClosed(const std::shared_ptr<Link>& link) = 0;
};

// The metadata by which the one who dials introduces itself before the first frame.
struct Introduction {
  std::string cluster_id;
  std::string from;
  std::string to;
};

// Whom a link leads to.
struct LinkPeer {
  NodeId id;
  Uuid uuid;

  friend bool operator==(const LinkPeer&, const LinkPeer&) = default;
};

class Link {
 public:
  virtual ~Link() = default;

  [[nodiscard]] const LinkPeer& peer() const { return peer_; }

  // Queues a frame. Returns the ids of the forwards that will not be sent.
  [[nodiscard]] std::vector<uint64_t> Send(node::Frame frame) ABSL_LOCKS_EXCLUDED(mu_);

  // A write is outstanding.
  [[nodiscard]] bool IsSending() ABSL_LOCKS_EXCLUDED(mu_);

  // Breaks the stream; the end is reported as ever. No-op once it has ended.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  // gRPC is through with this link.
  [[nodiscard]] bool IsDone() ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until gRPC is through with this link. Not on the loop's thread.
  void AwaitDone() ABSL_LOCKS_EXCLUDED(mu_);

 protected:
  Link(const LinkPeer& peer, LinkListener& listener);

  // The first step is done: the stream carries frames if `ok`, else it ends.
  void Opened(bool ok);

  // One step each, which is reported to the tag.
  virtual void StartRead(::kvd::peer::v1::Frame& frame, Completion* tag) = 0;
  virtual void StartWrite(const ::kvd::peer::v1::Frame& frame, Completion* tag) = 0;
  virtual void StartEnd(Completion* tag) = 0;  // Nothing more will be started on the stream.
  virtual void TryCancel() = 0;

  std::shared_ptr<Link> self_;  // Until gRPC is through with this link: it holds plain pointers.

 private:
  friend class ReadToken;

  void ReadNext() { StartRead(reading_.Renew(), &read_); }
  void Read(bool ok);
  void WriteNext();
  void Written(bool ok);
  void Release() ABSL_LOCKS_EXCLUDED(mu_);
  void Done() ABSL_LOCKS_EXCLUDED(mu_);

  const LinkPeer peer_;
  LinkListener& listener_;
  Tag read_{[this](bool ok) { Read(ok); }};
  Tag written_{[this](bool ok) { Written(ok); }};
  Tag finished_{[this](bool) { Done(); }};
  WireFrame reading_;  // Owned by the read that is outstanding.
  WireFrame writing_;  // Likewise.
  absl::Mutex mu_;
  FrameQueue queue_ ABSL_GUARDED_BY(mu_);
  bool sending_ ABSL_GUARDED_BY(mu_) = false;
  int busy_ ABSL_GUARDED_BY(mu_) =
      0;  // Threads or writes that still use the stream: it ends later.
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

// The side that accepted.
class AcceptedLink final : public Link {
 public:
  // A call of Peer.Link that came in.
  struct Call {
    grpc::ServerContext context;
    grpc::ServerAsyncReaderWriter<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame> stream{&context};
  };

  static void New(const LinkPeer& peer, LinkListener& listener, std::unique_ptr<Call> call);

 private:
  AcceptedLink(const LinkPeer& peer, LinkListener& listener, std::unique_ptr<Call> call)
      : Link(peer, listener), call_(std::move(call)) {}

  void StartRead(::kvd::peer::v1::Frame& frame, Completion* tag) override;
  void StartWrite(const ::kvd::peer::v1::Frame& frame, Completion* tag) override;
  void StartEnd(Completion* tag) override { call_->stream.Finish(grpc::Status::OK, tag); }
  void TryCancel() override { call_->context.TryCancel(); }

  const std::unique_ptr<Call> call_;
  Tag greeted_{[this](bool ok) { Opened(ok); }};
};

// The side that dialled.
class DialledLink final : public Link {
 public:
  static std::shared_ptr<DialledLink> New(const LinkPeer& peer, LinkListener& listener,
                                          ::kvd::peer::v1::Peer::Stub& stub,
                                          const Introduction& introduction, EventLoop& loop);

  // How the stream ended. REQUIRES: IsDone().
  [[nodiscard]] const grpc::Status& status() const { return status_; }

 private:
  using Link::Link;

  void Greeted(bool ok);
  void StartRead(::kvd::peer::v1::Frame& frame, Completion* tag) override;
  void StartWrite(const ::kvd::peer::v1::Frame& frame, Completion* tag) override;
  void StartEnd(Completion* tag) override { stream_->Finish(&status_, tag); }
  void TryCancel() override { context_.TryCancel(); }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<::kvd::peer::v1::Frame, ::kvd::peer::v1::Frame>>
      stream_;
  grpc::Status status_;
  Tag started_{[this](bool) { stream_->ReadInitialMetadata(&greeted_); }};
  Tag greeted_{[this](bool ok) { Greeted(ok); }};
};

}  // namespace kvd::rpc
