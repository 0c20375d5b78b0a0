#include "tests/unit/server/raft/describe.h"

#include <fmt/format.h>

#include "common/bytes.h"

namespace kvd::raft::test {
namespace {

std::string Ids(const std::vector<Member>& members) {
  std::string ids;
  for (const Member& member : members) {
    ids += fmt::format("{}{}", ids.empty() ? "" : " ", member.id.value);
  }
  return ids;
}

std::string Point(const SnapshotPoint& snapshot) {
  return fmt::format("{}/{} {}", snapshot.index, snapshot.term, Describe(snapshot.configuration));
}

struct Body {
  std::string operator()(const VoteRequest& body) const {
    return fmt::format("{}? log ends {}/{}{}", body.pre ? "pre-vote" : "vote", body.last_index,
                       body.last_term, body.transfer ? ", transfer" : "");
  }
  std::string operator()(const VoteReply& body) const {
    return fmt::format("{} {}", body.pre ? "pre-vote" : "vote", body.granted ? "yes" : "no");
  }
  std::string operator()(const AppendRequest& body) const {
    return fmt::format("append after {}/{} commit {}{}", body.previous_index, body.previous_term,
                       body.commit, Describe(body.entries));
  }
  std::string operator()(const AppendReply& body) const {
    if (body.accepted) return fmt::format("has {}", body.index);
    return fmt::format("not {}, hint {}/{}", body.index, body.hint_index, body.hint_term);
  }
  std::string operator()(const InstallRequest& body) const {
    return "install " + Point(body.snapshot);
  }
  std::string operator()(const TimeoutNow&) const { return "campaign now"; }
  std::string operator()(const Beat& body) const {
    return fmt::format("beat {} commit {}", body.round, body.commit);
  }
  std::string operator()(const BeatReply& body) const {
    return fmt::format("beat {} heard, last {}", body.round, body.last);
  }
};

}  // namespace

std::string Describe(const storage::Entry& entry) {
  std::string text = fmt::format("{}/{}", entry.index, entry.term);
  if (entry.kind == storage::EntryKind::kConfiguration) {
    return text + " " + Describe(*DecodeConfiguration(entry.payload));
  }
  if (entry.payload.size() > 20) return fmt::format("{} {} bytes", text, entry.payload.size());
  return entry.payload.empty() ? text : fmt::format("{} {}", text, Quoted(entry.payload));
}

std::string Describe(const std::vector<storage::Entry>& entries) {
  std::string text;
  for (const storage::Entry& entry : entries) text += fmt::format(" [{}]", Describe(entry));
  return text;
}

std::string Describe(const Configuration& configuration) {
  std::string text = "{" + Ids(configuration.voters);
  if (configuration.IsJoint()) text += " from " + Ids(configuration.outgoing);
  if (!configuration.learners.empty()) text += " teaching " + Ids(configuration.learners);
  return text + "}";
}

std::string Describe(const Message& message) {
  return fmt::format("{}->{} term {}: {}", message.from.value, message.to.value, message.term,
                     std::visit(Body{}, message.body));
}

std::string Describe(const storage::GroupWrite& write) {
  std::string text;
  if (write.hard_state.has_value()) {
    text +=
        fmt::format(" term {} vote {}", write.hard_state->term, write.hard_state->voted_for.value);
  }
  if (write.reset.has_value()) {
    text += fmt::format(" log begins behind {}/{}", write.reset->index, write.reset->term);
  }
  return text + Describe(write.entries);
}

std::string Describe(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "?";
}

std::string Describe(const World::Site& site) {
  const Replica& self = *site.self;
  std::string terms;
  for (Index i = self.first(); i <= self.last(); ++i) {
    terms += fmt::format(" {}", self.TermAt(i).value_or(0));
  }
  return fmt::format("{} term {}, log from {}:{}, commit {}, configuration {} {}",
                     Describe(self.role()), self.term(), self.first(), terms, self.commit(),
                     self.configuration_index(), Describe(self.configuration()));
}

}  // namespace kvd::raft::test
