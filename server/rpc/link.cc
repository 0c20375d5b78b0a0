#include "server/rpc/link.h"

#include <utility>

#include "server/rpc/convert.h"

namespace kvd::rpc {

ReadToken::~ReadToken() {
  if (link_ != nullptr) link_->StartRead();
}

Link::Link(NodeId peer, LinkListener& listener)
    : peer_(peer), listener_(listener), queue_(FrameQueue::Options{}) {}

std::vector<uint64_t> Link::Send(node::Frame frame) {
  std::vector<uint64_t> refused;
  {
    absl::MutexLock lock(&mu_);
    if (ended_) {
      for (const node::Forward& forward : frame.forwards) refused.push_back(forward.id);
      return refused;
    }
    refused = queue_.Add(std::move(frame));
    if (writing_) return refused;
    writing_ = true;
    ++busy_;
  }
  WriteNext();
  return refused;
}

// REQUIRES: `writing_` was set by the caller, who is thereby the only writer.
void Link::WriteNext() {
  std::optional<node::Frame> next;
  {
    absl::MutexLock lock(&mu_);
    if (!ended_) next = queue_.Take();
    writing_ = next.has_value();
  }
  if (!next) return Release();
  writing_frame_ = ToProto(*std::move(next));
  StartWrite(writing_frame_);
}

bool Link::IsSending() {
  absl::MutexLock lock(&mu_);
  return writing_ && !ended_;
}

void Link::Cancel() {
  {
    absl::MutexLock lock(&mu_);
    if (ended_) return;
    ++busy_;
  }
  TryCancel();
  Release();
}

void Link::Release() {
  bool end = false;
  {
    absl::MutexLock lock(&mu_);
    --busy_;
    end = ended_ && busy_ == 0;
  }
  if (end) End();
}

void Link::Written(bool ok) {
  if (!ok) Cancel();  // The read will fail, and end the stream.
  WriteNext();
}

void Link::Opened() {
  {
    absl::MutexLock lock(&mu_);
    open_ = true;
  }
  listener_.OnOpen(self_);
  StartRead();
}

void Link::Read(bool ok, peer_pb::Frame frame) {
  if (ok) return listener_.OnFrame(peer_, std::move(frame), ReadToken(self_));
  bool end_now = false;
  bool was_open = false;
  {
    absl::MutexLock lock(&mu_);
    ended_ = true;
    end_now = busy_ == 0;  // Else whoever is the last to use the stream ends it.
    was_open = open_;
  }
  if (was_open) listener_.OnClosed(self_);
  if (end_now) End();
}

void Link::Done() {
  const auto self = std::move(self_);
  SetDone();
}

void Link::SetDone() {
  absl::MutexLock lock(&mu_);
  done_ = true;
}

bool Link::IsDone() {
  absl::MutexLock lock(&mu_);
  return done_;
}

void Link::AwaitDone() {
  absl::MutexLock lock(&mu_, absl::Condition(&done_));
}

AcceptedLink* AcceptedLink::New(NodeId peer, LinkListener& listener,
                                grpc::CallbackServerContext& context) {
  auto* link = new AcceptedLink(peer, listener, context);
  link->self_ = std::shared_ptr<Link>(link);
  link->StartSendInitialMetadata();
  return link;
}

void AcceptedLink::OnSendInitialMetadataDone(bool ok) {
  if (ok) return Opened();
  StartRead();  // Fails as well, and ends the stream.
}

std::shared_ptr<DialledLink> DialledLink::New(NodeId peer, LinkListener& listener,
                                              peer_pb::Peer::Stub& stub,
                                              const Introduction& introduction) {
  std::shared_ptr<DialledLink> link(new DialledLink(peer, listener));
  link->self_ = link;
  link->context_.AddMetadata("kvd-cluster", introduction.cluster_id);
  link->context_.AddMetadata("kvd-from", introduction.from);
  link->context_.AddMetadata("kvd-to", introduction.to);
  stub.async()->Link(&link->context_, link.get());
  link->AddHold();  // Writes and reads start outside of reactions, until End().
  link->StartCall();
  return link;
}

void DialledLink::OnReadInitialMetadataDone(bool ok) {
  if (ok) return Opened();
  StartRead();  // Fails as well, and ends the stream.
}

// Who dialled holds this link until it is done, and destroys it on a thread of ours: with it may go
// the last reference to the channel, which gRPC does not allow on its own threads.
void DialledLink::OnDone(const grpc::Status&) {
  self_.reset();
  SetDone();
}

}  // namespace kvd::rpc
