// Messages of consensus. The lines of heartbeats travel in arrays side by side: there is one per
// group and heartbeat, and a message of its own each would cost more than all else that is sent.

#include <utility>

#include "server/rpc/convert_frame.h"

namespace kvd::rpc {
namespace {

void WriteLine(const node::GroupMessage& in, uint64_t round, Index index, bool current,
               peer_pb::Beats& out) {
  out.add_group(in.group.value);
  out.add_from(in.message.from.value);
  out.add_to(in.message.to.value);
  out.add_term(in.message.term);
  out.add_round(round);
  out.add_index(index);
  out.add_current(current);
}

struct WriteBody {
  peer_pb::RaftMessage& out;

  void operator()(const raft::VoteRequest& in) const {
    auto& request = *out.mutable_vote_request();
    request.set_pre(in.pre);
    request.set_transfer(in.transfer);
    request.set_last_index(in.last_index);
    request.set_last_term(in.last_term);
  }
  void operator()(const raft::VoteReply& in) const {
    out.mutable_vote_reply()->set_pre(in.pre);
    out.mutable_vote_reply()->set_granted(in.granted);
  }
  void operator()(raft::AppendRequest& in) const {
    auto& request = *out.mutable_append_request();
    request.set_previous_index(in.previous_index);
    request.set_previous_term(in.previous_term);
    request.set_commit(in.commit);
    for (storage::Entry& entry : in.entries) {
      auto& written = *request.add_entries();
      written.set_term(entry.term);
      written.set_payload(std::string(entry.payload));
      written.set_kind(static_cast<uint32_t>(entry.kind));
    }
  }
  void operator()(const raft::AppendReply& in) const {
    auto& reply = *out.mutable_append_reply();
    reply.set_accepted(in.accepted);
    reply.set_index(in.index);
    reply.set_hint_index(in.hint_index);
    reply.set_hint_term(in.hint_term);
  }
  void operator()(const raft::InstallRequest& in) const {
    auto& request = *out.mutable_install_request();
    request.set_index(in.snapshot.index);
    request.set_term(in.snapshot.term);
    request.set_configuration(raft::EncodeConfiguration(in.snapshot.configuration));
  }
  void operator()(const raft::TimeoutNow&) const { out.mutable_timeout_now(); }
  void operator()(const raft::Beat&) const {}
  void operator()(const raft::BeatReply&) const {}
};

// How many lines there are; nullopt: the arrays disagree.
std::optional<int> CountLines(const peer_pb::Beats& in) {
  const int lines = in.group_size();
  const bool agree = in.from_size() == lines && in.to_size() == lines && in.term_size() == lines &&
                     in.round_size() == lines && in.index_size() == lines &&
                     in.current_size() == lines;
  return agree ? std::optional(lines) : std::nullopt;
}

template <typename MakeBody>
bool ReadLines(const peer_pb::Beats& in, std::vector<node::GroupMessage>& out, MakeBody body) {
  const auto lines = CountLines(in);
  if (!lines) return false;
  out.reserve(out.size() + static_cast<size_t>(*lines));
  for (int i = 0; i < *lines; ++i) {
    out.push_back({.group = GroupId{in.group(i)},
                   .message = {.from = ReplicaId{in.from(i)},
                               .to = ReplicaId{in.to(i)},
                               .term = in.term(i),
                               .body = body(in.round(i), in.index(i), in.current(i))}});
  }
  return true;
}

std::optional<raft::AppendRequest> Read(peer_pb::RaftMessage::AppendRequest& in) {
  raft::AppendRequest out{.previous_index = in.previous_index(),
                          .previous_term = in.previous_term(),
                          .commit = in.commit(),
                          .entries = {}};
  out.entries.reserve(static_cast<size_t>(in.entries_size()));
  Index index = in.previous_index();
  for (peer_pb::RaftMessage::Entry& entry : *in.mutable_entries()) {
    if (entry.kind() > static_cast<uint32_t>(storage::EntryKind::kConfiguration)) {
      return std::nullopt;
    }
    out.entries.push_back({.index = ++index,
                           .term = entry.term(),
                           .payload = std::move(*entry.mutable_payload()),
                           .kind = static_cast<storage::EntryKind>(entry.kind())});
  }
  return out;
}

bool ReadBody(peer_pb::RaftMessage& in, raft::Message& out) {
  switch (in.body_case()) {
    case peer_pb::RaftMessage::kVoteRequest:
      out.body = raft::VoteRequest{.pre = in.vote_request().pre(),
                                   .transfer = in.vote_request().transfer(),
                                   .last_index = in.vote_request().last_index(),
                                   .last_term = in.vote_request().last_term()};
      return true;
    case peer_pb::RaftMessage::kVoteReply:
      out.body =
          raft::VoteReply{.pre = in.vote_reply().pre(), .granted = in.vote_reply().granted()};
      return true;
    case peer_pb::RaftMessage::kAppendRequest: {
      auto request = Read(*in.mutable_append_request());
      if (!request) return false;
      out.body = *std::move(request);
      return true;
    }
    case peer_pb::RaftMessage::kAppendReply:
      out.body = raft::AppendReply{.accepted = in.append_reply().accepted(),
                                   .index = in.append_reply().index(),
                                   .hint_index = in.append_reply().hint_index(),
                                   .hint_term = in.append_reply().hint_term()};
      return true;
    case peer_pb::RaftMessage::kInstallRequest: {
      auto configuration = raft::DecodeConfiguration(in.install_request().configuration());
      if (!configuration.ok()) return false;
      out.body = raft::InstallRequest{{.index = in.install_request().index(),
                                       .term = in.install_request().term(),
                                       .configuration = *std::move(configuration)}};
      return true;
    }
    case peer_pb::RaftMessage::kTimeoutNow:
      out.body = raft::TimeoutNow{};
      return true;
    case peer_pb::RaftMessage::BODY_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

bool ReadRaft(peer_pb::Frame& in, std::vector<node::GroupMessage>& out) {
  const auto beat = [](uint64_t round, Index commit, bool current) {
    return raft::Beat{.commit = commit, .round = round, .current = current};
  };
  const auto reply = [](uint64_t round, Index last, bool) {
    return raft::BeatReply{.round = round, .last = last};
  };
  out.reserve(static_cast<size_t>(in.raft_size()));
  for (peer_pb::RaftMessage& message : *in.mutable_raft()) {
    node::GroupMessage read{.group = GroupId{message.group()},
                            .message = {.from = ReplicaId{message.from()},
                                        .to = ReplicaId{message.to()},
                                        .term = message.term(),
                                        .body = {}}};
    if (!ReadBody(message, read.message)) return false;
    out.push_back(std::move(read));
  }
  return ReadLines(in.beats(), out, beat) && ReadLines(in.beat_replies(), out, reply);
}

void Write(node::GroupMessage in, peer_pb::Frame& out) {
  if (const auto* beat = std::get_if<raft::Beat>(&in.message.body)) {
    return WriteLine(in, beat->round, beat->commit, beat->current, *out.mutable_beats());
  }
  if (const auto* reply = std::get_if<raft::BeatReply>(&in.message.body)) {
    return WriteLine(in, reply->round, reply->last, false, *out.mutable_beat_replies());
  }
  peer_pb::RaftMessage& message = *out.add_raft();
  message.set_group(in.group.value);
  message.set_from(in.message.from.value);
  message.set_to(in.message.to.value);
  message.set_term(in.message.term);
  std::visit(WriteBody{message}, in.message.body);
}

}  // namespace kvd::rpc
