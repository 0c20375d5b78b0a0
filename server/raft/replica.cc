#include "server/raft/replica.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "server/raft/state.h"

namespace kvd::raft {
namespace {

// Replicas of one group, and groups of one node, must not draw the same timeouts.
uint64_t SeedOf(const Replica::Options& options) {
  Random mixed(options.seed + options.group.value);
  return mixed.Next() ^ options.self.id.value;
}

Configuration DecodeOwn(const storage::Entry& entry) {
  StatusOr<Configuration> configuration = DecodeConfiguration(entry.payload);
  KVD_CHECK(configuration.ok(), kvd::Message(configuration.status()));
  return *std::move(configuration);
}

bool IsAnswer(const Message& message) {
  return std::holds_alternative<VoteReply>(message.body) ||
         std::holds_alternative<AppendReply>(message.body) ||
         std::holds_alternative<BeatReply>(message.body);
}

bool IsLeadersRequest(const Message& message) {
  return std::holds_alternative<AppendRequest>(message.body) ||
         std::holds_alternative<InstallRequest>(message.body) ||
         std::holds_alternative<Beat>(message.body);
}

}  // namespace

Replica::State::State(Options given, const Restored& restored, Instant start)
    : options(given),
      random(SeedOf(given)),
      now(start),
      term(restored.hard_state.term),
      vote(restored.hard_state.voted_for),
      log(restored, given.cache_bytes),
      configurations(restored.applied, restored.configuration),
      durability(restored.last),
      commit(restored.applied),
      handed_out(restored.applied),
      check_quorum_at(start) {
  KVD_CHECK_OP(>=, term, log.last_term());
  for (const storage::Entry& entry : restored.tail) {
    if (entry.kind == storage::EntryKind::kConfiguration) {
      configurations.Append(entry.index, DecodeOwn(entry));
    }
  }
  const auto is_self = [this](ReplicaId member) { return member == id(); };
  campaign_at = configuration().HasMajority(is_self) ? now : now + DrawTimeout();
}

void Replica::State::Step(const Message& message, NodeId node) {
  if (message.to != id() || message.from == id() || !IsWellFormed(message)) return;
  if (IsAnswer(message) && !configuration().Contains(message.from)) return;

  if (const auto* reply = std::get_if<BeatReply>(&message.body);
      reply != nullptr && IsBroken(Rule::kConfirmationAcrossTerms)) {
    OnBeatReply(*reply, message);
  }
  if (message.term > term) return StepHigherTerm(message, node);
  if (message.term < term) return AnswerLowerTerm(message, node);
  Dispatch(message, node);
}

void Replica::State::StepHigherTerm(const Message& message, NodeId node) {
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    // Whoever cannot hear a leader that others hear must not depose it.
    if (!request->transfer && HearsLeader()) return;
    if (request->pre) return Dispatch(message, node);  // Only asks.
  }
  if (const auto* reply = std::get_if<VoteReply>(&message.body);
      reply != nullptr && reply->pre && reply->granted) {
    return Dispatch(message, node);  // Speaks of the term that would be.
  }
  if (IsLeadersRequest(message)) {
    BecomeFollower(message.term, Member{message.from, node});
  } else {
    BecomeFollower(message.term, std::nullopt);
  }
  Dispatch(message, node);
}

// A sender that is behind learns the term: a deposed leader steps down, and a replica whose own
// term is ahead of its leader's is freed by a new election.
void Replica::State::AnswerLowerTerm(const Message& message, NodeId node) {
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    Send(message.from, node, VoteReply{.pre = request->pre, .granted = false});
  } else if (const auto* beat = std::get_if<Beat>(&message.body)) {
    Send(message.from, node, BeatReply{.round = beat->round, .last = log.last()});
  } else if (IsLeadersRequest(message)) {
    Send(message.from, node, AppendReply{.accepted = false, .hint_index = commit});
  }
}

void Replica::State::Dispatch(const Message& message, NodeId node) {
  if (const auto* vote_request = std::get_if<VoteRequest>(&message.body)) {
    OnVoteRequest(*vote_request, message, node);
  } else if (const auto* vote_reply = std::get_if<VoteReply>(&message.body)) {
    OnVoteReply(*vote_reply, message);
  } else if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    OnAppendRequest(*append, message, node);
  } else if (const auto* append_reply = std::get_if<AppendReply>(&message.body)) {
    OnAppendReply(*append_reply, message);
  } else if (const auto* install = std::get_if<InstallRequest>(&message.body)) {
    OnInstallRequest(*install, message, node);
  } else if (const auto* beat = std::get_if<Beat>(&message.body)) {
    OnBeat(*beat, message, node);
  } else if (const auto* beat_reply = std::get_if<BeatReply>(&message.body)) {
    OnBeatReply(*beat_reply, message);
  } else {
    OnTimeoutNow(message);
  }
}

void Replica::State::BecomeFollower(Term new_term, std::optional<Member> new_leader) {
  if (new_term > term) {
    term = new_term;
    vote = {};
    durability.HardStateChanged();
  }
  if (IsLeader()) {
    LeaveOffice();
    campaign_at = now + DrawTimeout();
  }
  role = Role::kFollower;
  leader = new_leader;
  own_vote.reset();
  ballot.Clear();
}

void Replica::State::OnDurable(uint64_t number) {
  durability.OnDurable(number);
  outbox.Release(number, term);
  CountOwnVote();
  if (IsLeader()) CommitByCounting();
}

void Replica::State::CommitTo(Index index) {
  if (index <= commit) return;
  KVD_CHECK_OP(<=, index, log.last());
  if (IsLeader()) {
    for (Index i = commit + 1; i <= index; ++i) uncommitted_bytes -= BytesOf(log.At(i));
  }
  commit = index;
  configurations.ForgetBelow(commit);
}

void Replica::State::AppendToLog(storage::Entry entry) {
  if (entry.kind == storage::EntryKind::kConfiguration) {
    configurations.Append(entry.index, DecodeOwn(entry));
  }
  log.Append(std::move(entry));
  durability.Appended(log.last());
}

void Replica::State::CutLogFrom(Index from) {
  KVD_CHECK_OP(>, from, commit);
  log.CutFrom(from);
  durability.CutFrom(from);
  if (configurations.index() >= from) configurations.CutFrom(from);
  handed_out = std::min(handed_out, from - 1);  // Only if a test broke the rules.
}

// What is installed stands behind everything that was handed out before it, and nothing of what it
// replaces may follow.
Index Replica::State::HandOutLimit() const {
  if (installing.has_value()) return handed_out;
  const Index decided = IsBroken(Rule::kApplyBeforeCommit) ? log.last() : commit;
  return std::min(decided, durability.durable());
}

void Replica::State::Send(ReplicaId to, NodeId node, decltype(Message::body) body,
                          uint64_t number) {
  SendInTerm(term, to, node, std::move(body), number);
}

void Replica::State::SendInTerm(Term in_term, ReplicaId to, NodeId node,
                                decltype(Message::body) body, uint64_t number) {
  Outgoing outgoing{node, {.from = id(), .to = to, .term = in_term, .body = std::move(body)}};
  if (!IsBroken(Rule::kVoteBeforeSync)) number = std::max(number, durability.HardStateNumber());
  if (durability.IsDone(number)) {
    outbox.Put(std::move(outgoing));
  } else {
    outbox.Hold(number, std::move(outgoing));
  }
}

void Replica::State::SendAtOnce(const Member& to, decltype(Message::body) body) {
  outbox.Put({to.node, {.from = id(), .to = to.id, .term = term, .body = std::move(body)}});
}

bool Replica::State::HasEffects() const {
  return durability.IsDirty() || outbox.HasReady() || wants_to_send ||
         handed_out < HandOutLimit() || !confirmed_reads.empty() || !lost_reads.empty() ||
         !fetches.empty() || !snapshots.empty() || (installing.has_value() && !install_told);
}

Effects Replica::State::TakeEffects() {
  if (IsLeader() && wants_to_send) SendAll();
  wants_to_send = false;
  Effects effects;
  effects.election = std::exchange(election_begun, std::nullopt);
  if (durability.IsDirty()) effects.write = TakeWrite();
  effects.messages = outbox.TakeReady();
  if (const Index limit = HandOutLimit(); handed_out < limit) {
    effects.committed = log.Range(handed_out + 1, limit);
    handed_out = limit;
  }
  effects.reads = std::exchange(confirmed_reads, {});
  effects.lost_reads = std::exchange(lost_reads, {});
  effects.fetches = std::exchange(fetches, {});
  effects.snapshots = std::exchange(snapshots, {});
  if (!install_told) effects.install = installing;
  install_told = true;
  return effects;
}

std::optional<Write> Replica::State::TakeWrite() {
  const Durability::Plan plan = durability.Begin();
  Write write{.number = plan.number, .write = {.group = options.group}};
  if (plan.hard_state) write.write.hard_state = storage::HardState{term, vote};
  write.write.entries = log.Range(plan.from, plan.to);
  write.write.reset = plan.reset;
  return write;
}

Replica::Replica(Options options, const Restored& restored, Instant now)
    : state_(std::make_unique<State>(options, restored, now)) {}
Replica::~Replica() = default;
Replica::Replica(Replica&&) noexcept = default;
Replica& Replica::operator=(Replica&&) noexcept = default;

void Replica::Advance(Instant now) {
  state_->now = std::max(state_->now, now);
  state_->Advance();
}

Instant Replica::NextWakeAt() const {
  return state_->NextWakeAt();
}

void Replica::Step(const Message& message, NodeId from, Instant now) {
  state_->now = std::max(state_->now, now);
  state_->Step(message, from);
}

void Replica::OnLeaderSuspected(Duration delay, Instant now) {
  state_->now = std::max(state_->now, now);
  state_->Suspect(delay);
}

void Replica::OnLinkDown(NodeId node) {
  state_->OnLinkDown(node);
}

std::variant<Replica::Proposed, Replica::Refused> Replica::Propose(std::string payload) {
  return state_->Propose(std::move(payload));
}

bool Replica::Read(ReadId id) {
  return state_->Read(id);
}

std::optional<Message> Replica::BeatFor(NodeId node) {
  return state_->BeatFor(node);
}

bool Replica::WantsBeat() const {
  return state_->WantsBeat();
}

bool Replica::IsQuietWith(NodeId node) const {
  return state_->IsQuietWith(node);
}

bool Replica::IsQuiet() const {
  return state_->IsQuiet();
}

uint64_t Replica::BehindOn(NodeId node) const {
  return state_->BehindOn(node);
}

bool Replica::Transfer(ReplicaId to, Instant now) {
  state_->now = std::max(state_->now, now);
  return state_->BeginTransfer(to);
}

std::variant<Replica::Proposed, Replica::ChangeRefused> Replica::ProposeChange(const Change& change,
                                                                               Instant now) {
  state_->now = std::max(state_->now, now);
  return state_->ProposeChange(change);
}

void Replica::OnDurable(uint64_t number, Instant now) {
  state_->now = std::max(state_->now, now);
  state_->OnDurable(number);
}

void Replica::OnApplied(Index index) {
  KVD_CHECK(index <= state_->handed_out || IsBroken(Rule::kApplyBeforeCommit),
            "only what was handed out can be applied");
  state_->log.Applied(std::min(index, state_->log.last()));
}

void Replica::OnTruncated(Index through) {
  state_->log.ForgetThrough(through);
}

void Replica::OnFetched(ReplicaId follower, std::vector<storage::Entry> entries) {
  state_->OnFetched(follower, std::move(entries));
}

void Replica::OnSnapshotSent(ReplicaId follower, std::optional<SnapshotPoint> sent) {
  state_->OnSnapshotSent(follower, std::move(sent));
}

void Replica::OnInstalled(const SnapshotPoint& snapshot) {
  state_->OnInstalled(snapshot);
}

void Replica::OnInstallFailed() {
  state_->OnInstallFailed();
}

bool Replica::HasEffects() const {
  return state_->HasEffects();
}

Effects Replica::TakeEffects() {
  return state_->TakeEffects();
}

GroupId Replica::group() const {
  return state_->options.group;
}
const Member& Replica::self() const {
  return state_->options.self;
}
Role Replica::role() const {
  return state_->role;
}
Term Replica::term() const {
  return state_->term;
}
std::optional<Member> Replica::leader() const {
  return state_->leader;
}
bool Replica::IsServing() const {
  return state_->IsLeader() && state_->HasCommittedInTerm() && !IsTransferring();
}
bool Replica::IsTransferring() const {
  return state_->transfer.has_value();
}
Index Replica::commit() const {
  return state_->commit;
}
Index Replica::last() const {
  return state_->log.last();
}
Index Replica::first() const {
  return state_->log.first();
}
std::optional<Term> Replica::TermAt(Index index) const {
  return state_->log.TermAt(index);
}
const Configuration& Replica::configuration() const {
  return state_->configuration();
}
Index Replica::configuration_index() const {
  return state_->configurations.index();
}

std::optional<Replica::Progress> Replica::ProgressOf(ReplicaId member) const {
  return state_->ProgressOf(member);
}

}  // namespace kvd::raft
