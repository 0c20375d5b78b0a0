#include "server/raft/messages.h"

namespace kvd::raft {
namespace {

// Beyond this an index is nobody's: sums of indexes cannot overflow.
constexpr Index kMaxIndex = Index{1} << 62U;

bool IsConfiguration(std::string_view payload) {
  return DecodeConfiguration(payload).ok();
}

bool Follows(const storage::Entry& entry, Index previous_index, Term previous_term) {
  if (entry.index != previous_index + 1 || entry.term < previous_term || entry.term == 0) {
    return false;
  }
  switch (entry.kind) {
    case storage::EntryKind::kCommand:
      return true;
    case storage::EntryKind::kConfiguration:
      return IsConfiguration(entry.payload);
  }
  return false;
}

// One function per body: whether it could be said in `term`.
bool IsBody(const VoteRequest& body, Term term) {
  if (body.last_index > kMaxIndex || body.last_term >= term) return false;
  return body.last_index > 0 || body.last_term == 0;
}

bool IsBody(const AppendRequest& body, Term term) {
  if (body.previous_index > kMaxIndex) return false;
  if (body.previous_index == 0 && body.previous_term != 0) return false;
  Index index = body.previous_index;
  Term last_term = body.previous_term;
  for (const storage::Entry& entry : body.entries) {
    if (!Follows(entry, index, last_term)) return false;
    index = entry.index;
    last_term = entry.term;
  }
  return last_term <= term;
}

bool IsBody(const InstallRequest& body, Term term) {
  const SnapshotPoint& snapshot = body.snapshot;
  if (snapshot.index == 0 || snapshot.index > kMaxIndex) return false;
  if (snapshot.term == 0 || snapshot.term > term) return false;
  return IsWellFormed(snapshot.configuration);
}

bool IsBody(const Beat& body, Term /*term*/) {
  return body.commit <= kMaxIndex;
}

// What is left are answers, which are compared with what was asked, and TimeoutNow.
template <typename Body>
bool IsBody(const Body& /*body*/, Term /*term*/) {
  return true;
}

}  // namespace

bool IsWellFormed(const Message& message) {
  if (message.term == 0 || message.term > kMaxIndex) return false;
  if (message.from == ReplicaId{} || message.to == ReplicaId{}) return false;
  return std::visit([&](const auto& body) { return IsBody(body, message.term); }, message.body);
}

}  // namespace kvd::raft
