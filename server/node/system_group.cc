#include "server/node/system_group.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"
#include "server/topology/progress.h"
#include "server/topology/voters.h"

namespace kvd::node {

using topology::Topology;

namespace {

// What may move is saved up for so long at most.
constexpr Duration kSavedUp = std::chrono::seconds(1);

// Faster is the same as unlimited.
constexpr uint64_t kMostBytesPerSecond = 1ULL << 40U;

}  // namespace

void SystemGroup::OnLeading(Term term) {
  OnDeposed();
  term_ = term;
  reports_.emplace(term);
  effects_.read = ++number_;
}

void SystemGroup::OnDeposed() {
  ++number_;
  term_.reset();
  topology_.reset();
  writing_.reset();
  reports_.reset();
  witnesses_ = {};
  pass_ = {};
  asked_.clear();
  joiners_.clear();
  commands_.clear();
  SendAway();
  awaited_.clear();
  watch_ = {};
  halted_.clear();
  pass_at_ = Instant::max();
  effects_.read.reset();
  effects_.write.reset();
}

void SystemGroup::OnRead(uint64_t number, const Result& result, const Topology& own, Instant now) {
  if (number != number_ || !term_ || topology_) return;
  if (std::holds_alternative<Absent>(result)) {
    topology_ = own;
    version_ = 0;
  } else if (const auto* found = std::get_if<Found>(&result)) {
    auto held = topology::DecodeTopology(found->value);
    KVD_CHECK(held.ok(), "the system group holds a topology: " + Message(held.status()));
    topology_ = *std::move(held);
    version_ = found->version;
    if (topology_->epoch > own.epoch) effects_.decided = topology_;
  } else {
    effects_.read = ++number_;  // It could not be confirmed in time: once more.
    return;
  }
  pass_at_ = now;
}

// What was asked for outlives a lead: it waits for the next leader, who may be this node again, in
// the same term even, and ask for something else.
void SystemGroup::OnWritten(uint64_t number, const Result& result, Instant now) {
  if (number != number_ || !writing_) return;
  Topology next = *std::exchange(writing_, std::nullopt);
  if (const auto* written = std::get_if<Written>(&result)) {
    topology_ = std::move(next);
    version_ = written->version;
    effects_.decided = topology_;
    pass_at_ = now;
    return AnswerDecided(now);
  }
  // Whether it is there is not known, or somebody else wrote: what is there now decides.
  if (deciding_) asks_.push_front(std::exchange(deciding_, std::nullopt)->ask);
  topology_.reset();
  effects_.read = ++number_;
}

void SystemGroup::OnWitness(NodeId from, Witness witness, std::vector<GroupReport> reports,
                            Instant now) {
  if (!term_ || witness.asked_in != *term_) return;
  for (GroupReport& report : reports) {
    if (report.leader.node == from) (void)reports_->Take(*term_, std::move(report));
  }
  witnesses_.Take(from, std::move(witness), now);
}

void SystemGroup::OnAnnounced(const topology::NodeCard& card, Instant now) {
  if (!topology_) return;
  const auto verdict = topology::JudgeReturn(*topology_, card, AgreedSilences(now));
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) {
    effects_.verdicts.emplace_back(card.uuid, *refusal);
    return;
  }
  effects_.verdicts.emplace_back(card.uuid, WhyNotYet());
  if (const auto* moved = std::get_if<topology::NoteCard>(&verdict)) {
    Follow(*moved);
  } else if (const auto* wiped = std::get_if<topology::ReplaceWiped>(&verdict)) {
    Follow(*wiped);
  } else if (std::holds_alternative<topology::Stranger>(verdict)) {
    ForgetAwaited(now);
    if (auto replacement = ReplacementBy(card)) return Follow(*std::move(replacement));
    const auto is_same = [&](const Joiner& one) { return one.card.uuid == card.uuid; };
    if (std::ranges::none_of(joiners_, is_same)) joiners_.push_back({card, now});
  }
}

// It is kept all the same.
std::optional<Refusal> SystemGroup::WhyNotYet() const {
  if (version_ != 0 || halted_.empty()) return std::nullopt;
  return Refusal{.reason = Reason::kUnsafeChange, .message = halted_};
}

// Nodes announce themselves until they are known: what waits is kept once.
void SystemGroup::Follow(topology::Command command) {
  if (std::ranges::find(commands_, command) != commands_.end()) return;
  commands_.push_back(std::move(command));
}

bool SystemGroup::HasEffects() const {
  return effects_.read || effects_.write || effects_.decided || effects_.poll ||
         !effects_.steps.empty() || !effects_.verdicts.empty() || !effects_.told.empty() ||
         !effects_.log.empty();
}

Instant SystemGroup::NextWakeAt() const {
  if (!topology_ || writing_) return Instant::max();
  const Instant ask_at = asks_.empty() ? Instant::max() : asks_.front().due;
  if (version_ == 0) return std::min(ask_at, pass_at_);
  if (!commands_.empty()) return Instant::min();
  const Instant join_at =
      joiners_.empty() ? Instant::max() : joiners_.front().since + options_.join_window;
  return std::min({ask_at, pass_at_, join_at});
}

void SystemGroup::Advance(const std::set<NodeId>& silent, Instant now) {
  if (!topology_ || writing_) return;
  if (version_ == 0 && IsFoundingHeld(now)) return Propose(*topology_);
  while (version_ != 0 && !commands_.empty()) {
    const topology::Command command = std::move(commands_.front());
    commands_.pop_front();
    if (Decide(command)) return;
  }
  if (AnswerAsks(silent, now)) return;
  if (version_ != 0 && DecideJoin(now)) return;
  if (now >= pass_at_) Pass(silent, now);
}

// A founder that was handed a later topology first would never start the replicas that the founding
// gave it, and its groups would be a copy short. So the group is given the first one as soon as all
// hold it, and nothing is decided before. Whoever bears witness holds it; not waited for are those
// whose next selves, on empty disks, are to take their places, and who is silent for so long as to
// be removed.
bool SystemGroup::IsFoundingHeld(Instant now) const {
  const topology::Silences silences = AgreedSilences(now);
  return std::ranges::all_of(topology_->members, [&](const topology::Member& member) {
    if (witnesses_.HasTold(member.id) || IsToBeReplaced(member.id)) return true;
    const auto silence = silences.find(member.id);
    return silence != silences.end() && silence->second >= LostAfter();
  });
}

Duration SystemGroup::LostAfter() const {
  const Duration remove_after = options_.removal.remove_after;
  return remove_after > Duration::zero() ? remove_after : topology::RemovalRules{}.remove_after;
}

// Empty as long as nobody is silent: witness is on its way.
std::string SystemGroup::WhyNothingIsDecided(const std::set<NodeId>& silent) const {
  std::string names;
  for (const NodeId node : silent) {
    const topology::Member* member = topology_->Find(node);
    if (member == nullptr || witnesses_.HasTold(node)) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", member->card.name);
  }
  if (names.empty()) return names;
  return fmt::format(
      "nobody joins, moves or is replaced yet: {} may not have stored the cluster's first "
      "topology; "
      "start it, or wait until it has been silent for {} s",
      names, std::chrono::duration_cast<std::chrono::seconds>(LostAfter()).count());
}

bool SystemGroup::IsToBeReplaced(NodeId member) const {
  return std::ranges::any_of(commands_, [&](const topology::Command& command) {
    const auto* wiped = std::get_if<topology::ReplaceWiped>(&command);
    return wiped != nullptr && wiped->old == member;
  });
}

void SystemGroup::Propose(Topology next) {
  effects_.write =
      Write{.record = topology::EncodeTopology(next), .if_version = version_, .number = ++number_};
  writing_ = std::move(next);
}

// Whether it changes something. The entry's index is not known yet; it has one, and only it, if the
// write succeeds: the epoch is as good a number.
bool SystemGroup::Decide(const topology::Command& command) {
  auto decision = topology::Decide(*topology_, topology_->epoch.value + 1, command);
  auto* next = std::get_if<Topology>(&decision);
  if (next == nullptr) return false;
  Propose(std::move(*next));
  return true;
}

bool SystemGroup::DecideJoin(Instant now) {
  if (joiners_.empty() || now < joiners_.front().since + options_.join_window) return false;
  topology::AddMembers add{.cards = {}, .asked_by = "the nodes themselves"};
  for (Joiner& joiner : std::exchange(joiners_, {})) add.cards.push_back(std::move(joiner.card));
  if (Decide(add)) return true;
  // One that cannot join keeps none of the others out.
  bool decided = false;
  for (topology::NodeCard& card : add.cards) {
    const topology::AddMembers alone{.cards = {card}, .asked_by = add.asked_by};
    if (decided) {
      joiners_.push_back({std::move(card), now});
      continue;
    }
    auto decision = topology::Decide(*topology_, topology_->epoch.value + 1, alone);
    if (const auto* why = std::get_if<topology::Rejection>(&decision)) {
      effects_.verdicts.emplace_back(card.uuid, topology::Explain(*why, *topology_));
    } else {
      decided = Decide(alone);
    }
  }
  return decided;
}

// What follows by itself, one command at a time.
bool SystemGroup::DecideWhatIsDue(Instant now) {
  const topology::Silences silences = AgreedSilences(now);
  if (auto voters = topology::VotersDue(*topology_, topology::DownNodes(silences))) {
    if (Decide(topology::SetVoters{*std::move(voters)})) return true;
  }
  for (const topology::Command& due : topology::CommandsDue(*topology_, *reports_)) {
    if (Decide(due)) return true;
  }
  const auto verdict =
      topology::JudgeSilence(*topology_, silences, witnesses_.disks(), Sizes(), options_.removal);
  const auto* halted = std::get_if<topology::RemovalHalted>(&verdict);
  NoteHalted(halted != nullptr ? topology::Describe(*halted, *topology_) : std::string());
  const auto* remove = std::get_if<topology::StartRemove>(&verdict);
  return remove != nullptr && Decide(*remove);
}

// Those who vote are asked, not those who are wished to: of these too many may have died before
// they could vote, and then nobody could say so.
topology::Silences SystemGroup::AgreedSilences(Instant now) const {
  std::vector<NodeId> voters;
  if (const GroupReport* report = reports_->Of(topology::kSystemPartition)) {
    for (const raft::Member& voter : report->configuration.voters) voters.push_back(voter.node);
  } else {
    for (const topology::Replica& wished : topology_->system_voters) voters.push_back(wished.node);
  }
  return witnesses_.Agreed(*topology_, voters, now);
}

void SystemGroup::NoteHalted(std::string why) {
  if (why == halted_) return;
  halted_ = std::move(why);
  if (!halted_.empty()) Say(LogLevel::kWarn, halted_);
}

void SystemGroup::Pass(const std::set<NodeId>& silent, Instant now) {
  effects_.poll = term_;
  pass_at_ = now + options_.busy_every;
  if (version_ == 0) return NoteHalted(WhyNothingIsDecided(silent));
  if (DecideWhatIsDue(now)) return;
  pass_ = topology::Reconcile(*topology_, *reports_, silent, LimitsAt(now));
  budget_ -= static_cast<int64_t>(pass_.bytes);
  WatchJobs(now);
  if (options_.reconciles) {
    for (const Step& step : pass_.steps) AskFor(step, now);
  }
  const bool has_jobs = std::ranges::any_of(
      topology_->jobs, [](const topology::Job& job) { return !job.HasEnded(); });
  if (pass_.IsDone() && !has_jobs) pass_at_ = now + options_.idle_every;
}

// Reports are older than steps: the same one is not asked for with every pass.
void SystemGroup::AskFor(const Step& step, Instant now) {
  Asked& asked = asked_[step.partition];
  const bool is_same = asked.term == step.term && asked.if_index == step.if_index;
  if (is_same && now < asked.at + options_.repeat_after) return;
  asked = {.term = step.term, .if_index = step.if_index, .at = now};
  effects_.steps.emplace_back(reports_->Of(step.partition)->leader.node, step);
}

topology::Limits SystemGroup::LimitsAt(Instant now) {
  const uint32_t receivers = std::max(CountReceivers(), 1U);
  const auto rate = static_cast<int64_t>(
      std::clamp<uint64_t>(options_.bytes_per_second, 1, kMostBytesPerSecond) * receivers);
  const Duration since = budget_at_ == Instant::min() ? kSavedUp : now - budget_at_;
  const int64_t gained = rate * (std::min(since, kSavedUp) / std::chrono::milliseconds(1)) / 1000;
  if (gained > 0) budget_at_ = now;
  // What was overspent is waited for.
  budget_ = std::min(budget_ + gained, rate);
  return {.transfers = options_.transfers * receivers,
          .bytes = budget_ > 0 ? static_cast<uint64_t>(budget_) : 0};
}

// Nodes that are wished to hold more than they do.
uint32_t SystemGroup::CountReceivers() const {
  std::set<NodeId> receivers;
  for (uint32_t p = 0; p < topology_->partitions(); ++p) {
    const GroupReport* report = reports_->Of(PartitionId{p});
    if (report == nullptr) continue;
    for (const topology::Replica& wished : topology_->ring[p]) {
      const auto& voters = report->configuration.voters;
      if (std::ranges::find(voters, wished.node, &raft::Member::node) == voters.end()) {
        receivers.insert(wished.node);
      }
    }
  }
  return static_cast<uint32_t>(receivers.size());
}

std::map<PartitionId, uint64_t> SystemGroup::Sizes() const {
  std::map<PartitionId, uint64_t> sizes;
  for (uint32_t p = 0; p < topology_->partitions(); ++p) {
    if (const GroupReport* report = reports_->Of(PartitionId{p})) {
      sizes.emplace(PartitionId{p}, report->bytes);
    }
  }
  return sizes;
}

void SystemGroup::Say(LogLevel level, std::string message) {
  effects_.log.push_back({level, "topology", std::move(message), {}});
}

}  // namespace kvd::node
