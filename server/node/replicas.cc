#include "server/node/replicas.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/hash.h"

namespace kvd::node {
namespace {

bool IsFromLeader(const raft::Message& message) {
  return std::holds_alternative<raft::AppendRequest>(message.body) ||
         std::holds_alternative<raft::InstallRequest>(message.body) ||
         std::holds_alternative<raft::Beat>(message.body);
}

}  // namespace

void Replicas::Add(const RecoveredReplica& found, std::vector<NodeId> order, Instant now) {
  const PartitionId partition = found.partition;
  KVD_CHECK(found.id != ReplicaId{}, "a replica has an id");
  raft::Replica replica({.group = GroupOf(partition),
                         .self = {.id = found.id, .node = self_},
                         .election_timeout = options_.election_timeout,
                         .max_append_bytes = options_.max_append_bytes,
                         .max_inflight_bytes = options_.max_inflight_bytes,
                         .max_uncommitted_bytes = options_.max_uncommitted_bytes,
                         .cache_bytes = options_.cache_bytes,
                         .seed = options_.seed ^ Hash64(std::to_string(partition.value))},
                        found.restored, now);
  const Instant wake_at = replica.NextWakeAt();
  const auto [it, fresh] = replicas_.emplace(partition, One{.raft = std::move(replica),
                                                            .order = std::move(order),
                                                            .initial = found.initial,
                                                            .settled = found.restored.configuration,
                                                            .wake_at = wake_at,
                                                            .applied = found.restored.applied,
                                                            .heard_at = now});
  KVD_CHECK(fresh, "a node holds one replica of a partition");
  const size_t group = GroupOf(partition).value;
  if (by_group_.size() <= group) by_group_.resize(group + 1);
  by_group_[group] = &it->second;
  wakes_.emplace(wake_at, partition);
  Touch(partition, it->second);
}

void Replicas::Remove(PartitionId partition) {
  const auto it = replicas_.find(partition);
  KVD_CHECK(it != replicas_.end(), "only what is here is removed");
  writing_ -= it->second.writes.size();
  wakes_.erase({it->second.wake_at, partition});
  std::erase_if(touched_, [partition](const auto& each) { return each.first == partition; });
  std::erase(led_, std::pair(partition, &it->second));
  by_group_[GroupOf(partition).value] = nullptr;
  replicas_.erase(it);
}

const raft::Replica* Replicas::Find(PartitionId partition) const {
  const One* one = FindOne(partition);
  return one == nullptr ? nullptr : &one->raft;
}

void Replicas::SetOrder(PartitionId partition, std::vector<NodeId> order) {
  if (One* one = FindOne(partition)) one->order = std::move(order);
}

bool Replicas::Holds(GroupId group, ReplicaId replica) const {
  const raft::Replica* found = Find(PartitionOf(group));
  return found != nullptr && found->self().id == replica;
}

// It is collected, and not left out of heartbeats before it has shown to be quiet.
void Replicas::Touch(PartitionId partition, One& one) {
  one.busy = true;
  if (std::exchange(one.touched, true)) return;
  touched_.emplace_back(partition, &one);
}

Replicas::One* Replicas::FindOne(PartitionId partition) const {
  const size_t group = GroupOf(partition).value;
  return group < by_group_.size() ? by_group_[group] : nullptr;
}

void Replicas::Advance(Instant now) {
  now_ = now;
  for (auto at = wakes_.begin(); at != wakes_.end() && at->first <= now + options_.look_ahead;) {
    const PartitionId partition = at->second;
    ++at;
    One& one = *FindOne(partition);
    if (one.raft.NextWakeAt() <= now) {
      one.raft.Advance(now);
      Touch(partition, one);
    }
    Reschedule(partition, one);
  }
}

void Replicas::Reschedule(PartitionId partition, One& one) {
  const Instant wake_at = one.raft.NextWakeAt();
  if (wake_at == one.wake_at) return;
  wakes_.erase({one.wake_at, partition});
  one.wake_at = wake_at;
  wakes_.emplace(wake_at, partition);
}

Instant Replicas::NextWakeAt() const {
  return wakes_.empty() ? Instant::max() : wakes_.begin()->first;
}

bool Replicas::Step(NodeId peer, const GroupMessage& message, Instant settled, Instant now) {
  const PartitionId partition = PartitionOf(message.group);
  One* const found = FindOne(partition);
  if (found == nullptr || found->raft.self().id != message.message.to) return false;
  One& one = *found;
  one.raft.Step(message.message, peer, now);
  if (!IsQuietAnswer(message.message, one)) Touch(partition, one);
  const bool obeyed = IsFromLeader(message.message) && one.raft.leader() &&
                      one.raft.leader()->id == message.message.from;
  if (obeyed) one.heard_at = now;
  const auto* beat = std::get_if<raft::Beat>(&message.message.body);
  if (beat != nullptr && beat->current && one.raft.term() == message.message.term) {
    NoteSettledAt(one, beat->commit, settled);
  }
  return true;
}

// What is applied up to `commit` is at least as young as this.
void Replicas::NoteSettledAt(One& one, Index commit, Instant settled) {
  if (settled == Instant::min()) return;
  if (one.applied >= commit) {
    one.as_of = settled;
  } else if (!one.as_of_at) {
    one.as_of_at = {commit, settled};
  }
}

// Most of what an idle node hears: it follows nothing from it.
bool Replicas::IsQuietAnswer(const raft::Message& message, const One& one) {
  return std::holds_alternative<raft::BeatReply>(message.body) && one.raft.leader() == one.leader &&
         one.raft.IsServing() == one.serving && !one.raft.HasEffects();
}

std::optional<Instant> Replicas::AppliedAsOf(PartitionId partition) const {
  const One* one = FindOne(partition);
  return one == nullptr ? std::nullopt : one->as_of;
}

Instant Replicas::LedSince(const std::function<Instant(NodeId)>& seen_by, Instant now) const {
  Instant since = now;
  for (const auto& [partition, one] : led_) {
    if (one->raft.role() != raft::Role::kLeader) continue;
    const raft::Configuration& configuration = one->raft.configuration();
    const auto seen = [&](const raft::Member& member) {
      const Instant at = member.node == self_ ? now : std::max(seen_by(member.node), Instant{});
      return static_cast<Index>(at.time_since_epoch().count());
    };
    // The latest instant that a majority has seen something from.
    const auto count = static_cast<Duration::rep>(configuration.MajorityIndex(seen));
    since = std::min(since, count == 0 ? Instant::min() : Instant(Duration(count)));
  }
  return since;
}

void Replicas::OnLinkDown(NodeId peer) {
  for (auto& [partition, one] : replicas_) {
    one.raft.OnLinkDown(peer);
    Touch(partition, one);
  }
}

void Replicas::OnDurable(GroupId group, uint64_t number, Instant now) {
  const PartitionId partition = PartitionOf(group);
  One* one = FindOne(partition);
  if (one == nullptr) return;
  one->raft.OnDurable(number, now);
  while (!one->writes.empty() && one->writes.front().first <= number) {
    one->writes.pop_front();
    --writing_;
  }
  Touch(partition, *one);
}

void Replicas::OnApplied(PartitionId partition, Index index) {
  One* one = FindOne(partition);
  if (one == nullptr) return;
  one->applied = index;
  one->raft.OnApplied(index);
  if (!one->as_of_at || one->as_of_at->first > index) return;
  one->as_of = one->as_of_at->second;
  one->as_of_at.reset();
}

void Replicas::OnFetched(PartitionId partition, ReplicaId follower,
                         std::vector<storage::Entry> entries) {
  One* one = FindOne(partition);
  if (one == nullptr) return;
  one->raft.OnFetched(follower, std::move(entries));
  Touch(partition, *one);
}

void Replicas::OnSnapshotSent(PartitionId partition, ReplicaId follower,
                              std::optional<raft::SnapshotPoint> sent) {
  One* one = FindOne(partition);
  if (one == nullptr) return;
  if (sent && sent->configuration.voters.empty()) sent->configuration = one->initial;
  one->raft.OnSnapshotSent(follower, std::move(sent));
  Touch(partition, *one);
}

void Replicas::OnInstalled(PartitionId partition, const raft::SnapshotPoint& snapshot) {
  One* one = FindOne(partition);
  if (one == nullptr) return;
  one->flushed.clear();
  one->applied = snapshot.index;
  one->raft.OnInstalled(snapshot);
  Touch(partition, *one);
}

void Replicas::OnInstallFailed(PartitionId partition) {
  One* one = FindOne(partition);
  if (one == nullptr) return;
  one->raft.OnInstallFailed();
  Touch(partition, *one);
}

Index Replicas::OnFlushed(PartitionId partition, Index through) {
  One* one = FindOne(partition);
  if (one == nullptr) return 0;
  one->flushed.push_back(through);
  if (one->flushed.size() <= options_.flushes_kept) return 0;
  const Index truncate = one->flushed.front();
  one->flushed.pop_front();
  if (truncate < one->raft.first()) return 0;
  one->raft.OnTruncated(truncate);
  return truncate;
}

std::variant<raft::Replica::Proposed, raft::Replica::Refused> Replicas::Propose(
    PartitionId partition, std::string payload, Instant now) {
  One& one = replicas_.at(partition);
  Touch(partition, one);
  const auto proposed = one.raft.Propose(std::move(payload));
  if (const auto* at = std::get_if<raft::Replica::Proposed>(&proposed)) {
    one.proposals.Add(at->index, now);
  }
  return proposed;
}

bool Replicas::Read(PartitionId partition, raft::ReadId id) {
  One& one = replicas_.at(partition);
  Touch(partition, one);
  return one.raft.Read(id);
}

void Replicas::OnSuspected(NodeId peer, const IsAlive& is_alive, Instant now) {
  for (auto& [partition, one] : replicas_) {
    const auto leader = one.raft.leader();
    if (leader && leader->node == peer) Campaign(partition, one, is_alive, now);
  }
}

void Replicas::CampaignWhereLeaderless(const IsAlive& is_alive, Instant now) {
  for (auto& [partition, one] : replicas_) {
    if (!one.raft.leader()) Campaign(partition, one, is_alive, now);
  }
}

void Replicas::Campaign(PartitionId partition, One& one, const IsAlive& is_alive, Instant now) {
  int rank = 0;
  for (const raft::Member& voter : Ranked(one)) {
    if (voter.node == self_) break;
    if (is_alive(voter.node)) ++rank;
  }
  one.raft.OnLeaderSuspected(rank * options_.rank_delay, now);
  Reschedule(partition, one);
  Touch(partition, one);
}

// A group in which nothing happens has its line in every fourth frame: its followers campaign after
// the time of ten, and hundreds of groups a node make idling cheap or dear. Few have it in the same
// frame, which is cheaper still; many are spread, so that no frame takes long.
bool Replicas::Beat(NodeId peer, Frame& frame) {
  constexpr uint32_t kTurns = 4;
  constexpr size_t kFew = 200;
  const uint32_t turn = beats_[peer]++ % kTurns;
  const auto slots = static_cast<uint32_t>(std::min<size_t>(kTurns, 1 + led_.size() / kFew));
  const size_t before = frame.raft.size();
  if (turn < slots) frame.raft.reserve(before + led_.size() / slots + 1);
  for (const auto& [partition, one] : led_) {
    const bool is_quiet = !one->busy || one->raft.IsQuietWith(peer);
    if (is_quiet && one->busy) one->busy = !one->raft.IsQuiet();
    if (is_quiet && partition.value % slots != turn) continue;
    frame.reply_now = frame.reply_now || one->raft.WantsBeat();
    auto beat = one->raft.BeatFor(peer);
    if (!beat) continue;
    frame.raft.push_back({GroupOf(partition), *std::move(beat)});
    one->busy = true;  // Until it is answered.
  }
  return frame.raft.size() > before;
}

void Replicas::GiveAway(const IsAlive& may_lead, Instant now) {
  for (auto& [partition, one] : replicas_) {
    if (one.raft.role() != raft::Role::kLeader || one.raft.IsTransferring()) continue;
    std::optional<ReplicaId> best;
    Index best_match = 0;
    for (const raft::Member& voter : Ranked(one)) {
      const auto progress = one.raft.ProgressOf(voter.id);
      if (voter.node == self_ || !progress || !progress->active) continue;
      if (!may_lead(voter.node)) continue;
      if (best && progress->match <= best_match) continue;
      best = voter.id;
      best_match = progress->match;
    }
    if (!best || !one.raft.Transfer(*best, now)) continue;
    Reschedule(partition, one);
    Touch(partition, one);
  }
}

void Replicas::HandBack(const IsAlive& may_lead, Instant now) {
  // A follower that lags makes its owner-to-be wait: it catches up first.
  constexpr Index kNear = 1000;
  for (auto& [partition, one] : replicas_) {
    if (!one.raft.IsServing()) continue;
    const std::vector<raft::Member> ranked = Ranked(one);
    const auto first = std::ranges::find_if(ranked, [&](const raft::Member& voter) {
      return voter.node == self_ || may_lead(voter.node);
    });
    if (first == ranked.end() || first->node == self_) continue;
    const auto progress = one.raft.ProgressOf(first->id);
    if (!progress || !progress->active || progress->match + kNear < one.raft.last()) continue;
    if (!one.raft.Transfer(first->id, now)) continue;
    Reschedule(partition, one);
    Touch(partition, one);
  }
}

Replicas::Happened Replicas::Collect(Effects& effects,
                                     const std::function<Frame&(NodeId)>& frame_to) {
  Happened happened;
  std::ranges::sort(touched_, {}, [](const auto& each) { return each.first; });
  for (const auto& [partition, one] : touched_) {
    one->touched = false;
    CollectOne(partition, *one, effects, frame_to, happened);
  }
  touched_.clear();
  return happened;
}

void Replicas::CollectOne(PartitionId partition, One& one, Effects& effects,
                          const std::function<Frame&(NodeId)>& frame_to, Happened& happened) {
  const GroupId group = GroupOf(partition);
  if (one.raft.WantsBeat()) {
    for (const raft::Member& member : one.raft.configuration().All()) {
      if (member.node == self_) continue;
      auto beat = one.raft.BeatFor(member.node);
      if (!beat) continue;
      frame_to(member.node).raft.push_back({group, *std::move(beat)});
      frame_to(member.node).reply_now = true;
    }
  }
  raft::Effects wanted = one.raft.TakeEffects();
  if (wanted.election) ++counts_.elections.at(static_cast<size_t>(*wanted.election));
  if (wanted.write) {
    one.writes.emplace_back(wanted.write->number, now_);
    ++writing_;
    effects.appends.push_back(*std::move(wanted.write));
  }
  for (raft::Outgoing& out : wanted.messages) {
    frame_to(out.node).raft.push_back({group, std::move(out.message)});
  }
  if (!wanted.committed.empty()) {
    one.proposals.Commit(wanted.committed.back().index, now_, counts_.commits);
    effects.applies.push_back({partition, std::move(wanted.committed)});
  }
  for (const raft::Fetch& fetch : wanted.fetches) effects.fetches.push_back({partition, fetch});
  for (const raft::SnapshotWanted& wish : wanted.snapshots) {
    happened.snapshots_wanted.emplace_back(partition, wish.follower);
  }
  if (wanted.install) effects.installs.push_back({partition, *std::move(wanted.install)});
  for (const raft::ConfirmedRead& read : wanted.reads) happened.reads.emplace_back(partition, read);
  happened.lost_reads.insert(happened.lost_reads.end(), wanted.lost_reads.begin(),
                             wanted.lost_reads.end());
  NoteLeader(partition, one, happened);
  NoteSettled(one, frame_to);
  if (one.raft.NextWakeAt() < one.wake_at) Reschedule(partition, one);
}

void Replicas::NoteLeader(PartitionId partition, One& one, Happened& happened) {
  const auto leader = one.raft.leader();
  const bool serving = one.raft.IsServing();
  if (leader == one.leader && serving == one.serving) return;
  std::erase(led_, std::pair(partition, &one));
  if (one.raft.role() == raft::Role::kLeader) {
    const std::pair entry(partition, &one);
    led_.insert(std::ranges::upper_bound(led_, entry), entry);
  } else {
    one.proposals.Forget();
  }
  one.leader = leader;
  one.serving = serving;
  happened.leader_changed.push_back(partition);
}

uint32_t Replicas::CountLed() const {
  return static_cast<uint32_t>(std::ranges::count_if(
      replicas_, [](const auto& each) { return each.second.raft.role() == raft::Role::kLeader; }));
}

uint32_t Replicas::CountLeaderless(const IsAlive& is_alive) const {
  return static_cast<uint32_t>(std::ranges::count_if(replicas_, [&](const auto& each) {
    return each.first != topology::kSystemPartition && IsLeaderless(each.first, is_alive);
  }));
}

bool Replicas::IsLeaderless(PartitionId partition, const IsAlive& is_alive) const {
  const raft::Replica* replica = Find(partition);
  if (replica == nullptr) return false;
  const auto leader = replica->leader();
  return !leader || (leader->node != self_ && !is_alive(leader->node));
}

uint64_t Replicas::BehindOf(NodeId peer) const {
  uint64_t behind = 0;
  for (const auto& [partition, one] : led_) behind += one->busy ? one->raft.BehindOn(peer) : 0;
  return behind;
}

std::optional<Instant> Replicas::OldestWrite() const {
  std::optional<Instant> oldest;
  if (writing_ == 0) return oldest;
  for (const auto& [partition, one] : replicas_) {
    if (one.writes.empty()) continue;
    const Instant since = one.writes.front().second;
    if (!oldest || since < *oldest) oldest = since;
  }
  return oldest;
}

}  // namespace kvd::node
