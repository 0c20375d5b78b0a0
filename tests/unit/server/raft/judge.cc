#include "tests/unit/server/raft/judge.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::raft::test {
namespace {

constexpr size_t kKept = 5;

}  // namespace

void Judge::Breach(std::string what) {
  if (breaches_.size() < kKept) breaches_.push_back(std::move(what));
}

void Judge::OnStart(ReplicaId id, const World::Site& site) {
  seen_[id] = {.term = site.self->term(), .commit = site.self->commit()};
}

// Log matching by induction: an entry is known by index and term, and always has the same content
// and the same term before it.
void Judge::OnEffects(ReplicaId id, const World::Site& site, const Effects& effects) {
  CheckCommit(id, site);
  if (effects.write.has_value()) {
    for (const storage::Entry& entry : effects.write->write.entries) {
      const Term before = site.self->TermAt(entry.index - 1).value_or(0);
      const auto known =
          entries_.try_emplace({entry.index, entry.term}, before, entry.payload).first->second;
      if (known != std::pair(before, entry.payload)) {
        Breach(fmt::format("S3: entry {} of term {} differs at {}", entry.index, entry.term,
                           id.value));
      }
    }
  }
  sights_.reads += effects.reads.size();
  sights_.lost_reads += effects.lost_reads.size();
  sights_.fetches += effects.fetches.size();
  sights_.installs += effects.install.has_value() ? 1 : 0;
  sights_.resets += effects.write.has_value() && effects.write->write.reset.has_value() ? 1 : 0;
  for (const storage::Entry& entry : effects.committed) CheckCommitted(site, entry);
  for (const ConfirmedRead& read : effects.reads) {
    if (read.index < reads_.at(read.id)) {
      Breach(fmt::format("S11: read {} of {} sees index {}, {} was committed", read.id.value,
                         id.value, read.index, reads_.at(read.id)));
    }
  }
}

void Judge::CheckCommitted(const World::Site& site, const storage::Entry& entry) {
  const auto [it, is_new] = committed_.try_emplace(entry.index, entry);
  if (it->second != entry) {
    Breach(fmt::format("entry {} was applied with term {} and with term {}", entry.index,
                       it->second.term, entry.term));
  }
  if (entry.index > highest_commit_) {
    Breach(fmt::format("entry {} was applied before it was committed", entry.index));
  }
  if (!site.disk.Holds(entry.index, entry.term)) {
    Breach(fmt::format("entry {} was applied before it was durable", entry.index));
  }
  if (is_new && entry.kind == storage::EntryKind::kConfiguration) {
    CheckConfiguration(*DecodeConfiguration(entry.payload));
  }
}

void Judge::CheckConfiguration(const Configuration& next) {
  const bool leaves = configuration_.IsJoint() && !next.IsJoint() &&
                      next.voters == configuration_.voters &&
                      next.learners == configuration_.learners;
  const bool enters =
      !configuration_.IsJoint() && next.IsJoint() && next.outgoing == configuration_.voters;
  const bool feeds =
      !configuration_.IsJoint() && !next.IsJoint() && next.voters == configuration_.voters;
  if (!leaves && !enters && !feeds) Breach("S8: a configuration follows that is no single step");
  configuration_ = next;
  ++sights_.configurations;
}

void Judge::OnMessage(const World::Site& site, const Message& message) {
  CheckClaims(site, message);
  if (const auto* reply = std::get_if<VoteReply>(&message.body);
      reply != nullptr && reply->granted && !reply->pre) {
    CheckVote(message.from, message.term, message.to);
  }
  if (const auto* request = std::get_if<VoteRequest>(&message.body);
      request != nullptr && !request->pre) {
    CheckVote(message.from, message.term, message.from);
  }
}

void Judge::CheckVote(ReplicaId voter, Term term, ReplicaId candidate) {
  if (votes_.try_emplace({voter, term}, candidate).first->second != candidate) {
    Breach(fmt::format("S2: {} voted twice in term {}", voter.value, term));
  }
}

// What a message claims must be in the durable image when it leaves.
void Judge::CheckClaims(const World::Site& site, const Message& message) {
  Term claimed = message.term;
  ReplicaId vote;
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    if (request->pre) --claimed;
    if (!request->pre) vote = message.from;
  } else if (const auto* reply = std::get_if<VoteReply>(&message.body)) {
    if (reply->pre && reply->granted) claimed = 0;
    if (!reply->pre && reply->granted) vote = message.to;
  } else if (const auto* append = std::get_if<AppendReply>(&message.body)) {
    const std::optional<Term> term = site.self->TermAt(append->index);
    if (append->accepted && !site.disk.Holds(append->index, term.value_or(0))) {
      Breach(fmt::format("S5: {} acknowledges {} before it is durable", message.from.value,
                         append->index));
    }
  }
  const storage::HardState& durable = site.disk.hard_state;
  if (durable.term < claimed) {
    Breach(fmt::format("S5: {} claims term {}, {} is durable", message.from.value, claimed,
                       durable.term));
  }
  if (vote != ReplicaId{} && durable.term == claimed && durable.voted_for != vote) {
    Breach(fmt::format("S5: {} claims a vote that is not durable", message.from.value));
  }
}

void Judge::OnStep(ReplicaId id, const World::Site& site) {
  const Replica& replica = *site.self;
  Seen& seen = seen_[id];
  if (replica.term() < seen.term) Breach(fmt::format("S1: the term of {} fell", id.value));
  if (replica.commit() < seen.commit) Breach(fmt::format("S1: commit of {} fell", id.value));
  if (replica.role() == Role::kLeader) CheckLeader(id, site);
  CheckCommit(id, site);
  seen = {.term = replica.term(), .commit = replica.commit()};
}

void Judge::CheckLeader(ReplicaId id, const World::Site& site) {
  const auto [it, is_new] = leaders_.try_emplace(site.self->term(), id);
  if (it->second != id) {
    Breach(fmt::format("S2: {} and {} lead in term {}", it->second.value, id.value, it->first));
  }
  if (!is_new) return;
  ++sights_.terms;
  // A vote that was long on its way can elect a leader of a term that is over: it holds nothing
  // back that was committed since, and will commit nothing.
  if (!committed_.empty() && committed_.rbegin()->second.term > it->first) return;
  for (const auto& [index, entry] : committed_) {
    if (index >= site.self->first() && site.self->TermAt(index) != entry.term) {
      Breach(fmt::format("S4: {} leads in term {} without committed entry {}", id.value, it->first,
                         index));
      return;
    }
  }
}

// Whoever commits first has to be right: the entry is on the disks of a majority.
void Judge::CheckCommit(ReplicaId id, const World::Site& site) {
  const Replica& replica = *site.self;
  const Index from = std::exchange(highest_commit_, std::max(highest_commit_, replica.commit()));
  if (replica.commit() > from && replica.role() == Role::kLeader &&
      replica.TermAt(replica.commit()) != replica.term()) {
    Breach(fmt::format("{} leads in term {} and commits {} of term {} by counting", id.value,
                       replica.term(), replica.commit(),
                       replica.TermAt(replica.commit()).value_or(0)));
  }
  for (Index index = std::max(from + 1, replica.first()); index <= replica.commit(); ++index) {
    const Term term = replica.TermAt(index).value_or(0);
    const auto holds = [&](ReplicaId member) {
      const auto it = world_->sites().find(member);
      return it != world_->sites().end() && it->second.disk.Holds(index, term);
    };
    const Configuration& present = replica.configuration();
    const auto majority = [&](const std::vector<Member>& members) {
      const auto count = std::ranges::count_if(members, holds, &Member::id);
      return members.empty() || static_cast<size_t>(count) > members.size() / 2;
    };
    if (!majority(present.voters) || !majority(present.outgoing)) {
      Breach(fmt::format("S6: {} commits {} of term {} without a durable majority", id.value, index,
                         term));
    }
  }
}

}  // namespace kvd::raft::test
