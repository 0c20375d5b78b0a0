#include "server/rpc/link.h"

#include <utility>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

// Who accepts says so: to gRPC the status of a refusal is as good a beginning.
constexpr char kAccepted[] = "kvd-accepted";

}  // namespace

ReadToken::~ReadToken() {
  if (link_ != nullptr) link_->ReadNext();
}

Link::Link(const LinkPeer& peer, LinkListener& listener)
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
    if (sending_) return refused;
    sending_ = true;
    ++busy_;
  }
  WriteNext();
  return refused;
}

// REQUIRES: `sending_` was set by the caller, who is thereby the only writer.
void Link::WriteNext() {
  std::optional<node::Frame> next;
  {
    absl::MutexLock lock(&mu_);
    if (!ended_) next = queue_.Take();
    sending_ = next.has_value();
  }
  if (!next) return Release();
  peer_pb::Frame& frame = writing_.Renew();
  rpc::Write(*std::move(next), frame);
  StartWrite(frame, &written_);
}

bool Link::IsSending() {
  absl::MutexLock lock(&mu_);
  return sending_ && !ended_;
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
  if (end) StartEnd(&finished_);
}

void Link::Written(bool ok) {
  if (!ok) Cancel();  // The read will fail, and end the stream.
  WriteNext();
}

void Link::Opened(bool ok) {
  if (!ok) return ReadNext();  // Fails as well, and ends the stream.
  {
    absl::MutexLock lock(&mu_);
    open_ = true;
  }
  listener_.OnOpen(self_);
  ReadNext();
}

void Link::Read(bool ok) {
  if (ok) return listener_.OnFrame(self_, reading_.frame(), ReadToken(self_));
  bool end_now = false;
  bool was_open = false;
  {
    absl::MutexLock lock(&mu_);
    ended_ = true;
    end_now = busy_ == 0;  // Else whoever is the last to use the stream ends it.
    was_open = open_;
  }
  if (was_open) listener_.OnClosed(self_);
  if (end_now) StartEnd(&finished_);
}

// Who waits for the end of a link that it dialled destroys it: with it may go the last reference to
// the channel.
void Link::Done() {
  const auto self = std::move(self_);
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

void AcceptedLink::New(const LinkPeer& peer, LinkListener& listener, std::unique_ptr<Call> call) {
  const std::shared_ptr<AcceptedLink> link(new AcceptedLink(peer, listener, std::move(call)));
  link->self_ = link;
  link->call_->context.AddInitialMetadata(kAccepted, "1");
  link->call_->stream.SendInitialMetadata(&link->greeted_);
}

void AcceptedLink::StartRead(peer_pb::Frame& frame, Completion* tag) {
  call_->stream.Read(&frame, tag);
}

void AcceptedLink::StartWrite(const peer_pb::Frame& frame, Completion* tag) {
  call_->stream.Write(frame, tag);
}

std::shared_ptr<DialledLink> DialledLink::New(const LinkPeer& peer, LinkListener& listener,
                                              peer_pb::Peer::Stub& stub,
                                              const Introduction& introduction, EventLoop& loop) {
  std::shared_ptr<DialledLink> link(new DialledLink(peer, listener));
  link->self_ = link;
  link->context_.AddMetadata("kvd-cluster", introduction.cluster_id);
  link->context_.AddMetadata("kvd-from", introduction.from);
  link->context_.AddMetadata("kvd-to", introduction.to);
  link->stream_ = stub.PrepareAsyncLink(&link->context_, &loop.queue());
  link->stream_->StartCall(&link->started_);
  return link;
}

void DialledLink::Greeted(bool ok) {
  Opened(ok && context_.GetServerInitialMetadata().contains(kAccepted));
}

void DialledLink::StartRead(peer_pb::Frame& frame, Completion* tag) {
  stream_->Read(&frame, tag);
}

void DialledLink::StartWrite(const peer_pb::Frame& frame, Completion* tag) {
  stream_->Write(frame, tag);
}

}  // namespace kvd::rpc
