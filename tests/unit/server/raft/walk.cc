#include "tests/unit/server/raft/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::raft::test {
namespace {

constexpr uint64_t kMillion = 1'000'000;

Replica::Options Limits(Random& random) {
  Replica::Options options;
  options.max_append_bytes = random.Between(1, 1000);
  options.max_inflight_bytes = random.Between(1, 4000);
  options.cache_bytes = random.Between(0, 1000);
  options.seed = random.Next();
  return options;
}

// Half the time nothing at all.
uint64_t UpTo(Random& random, uint64_t most) {
  return random.Chance(kMillion / 2) ? 0 : random.Below(most);
}

Configuration Founding(uint64_t replicas) {
  std::vector<uint64_t> ids;
  for (uint64_t id = 1; id <= replicas; ++id) ids.push_back(id);
  return {.voters = Members(ids), .outgoing = {}, .learners = {}};
}

}  // namespace

Weather Weather::Of(Random& random) {
  return {.replicas = random.Between(2, 5),
          .loss = UpTo(random, 300'000),
          .repeat = UpTo(random, 300'000),
          .crash = UpTo(random, 10'000),
          .sync = random.Between(50'000, kMillion),
          .late = UpTo(random, 900'000),
          .change = UpTo(random, 20'000),
          .truncate = UpTo(random, 20'000),
          .transfer = UpTo(random, 10'000),
          .cut = UpTo(random, 10'000)};
}

Walk::Walk(uint64_t seed)
    : random_(seed),
      weather_(Weather::Of(random_)),
      judge_(Founding(weather_.replicas)),
      world_(Limits(random_), &judge_),
      next_replica_(weather_.replicas + 1) {
  judge_.Watch(world_);
  const Configuration founding = Founding(weather_.replicas);
  for (const Member& member : founding.voters) world_.Add(member.id, founding);
}

void Walk::Run(int steps) {
  for (int i = 0; i < steps && judge_.breaches().empty(); ++i) Step();
}

void Walk::Step() {
  Time(Ms(static_cast<int64_t>(random_.Below(20))));
  Client();
  Network();
  Disks();
  Faults();
}

void Walk::Time(Duration time) {
  world_.Pass(time);
  for (auto& [id, site] : world_.sites()) {
    if (site.self != nullptr && site.self->NextWakeAt() <= world_.now()) world_.Advance(id);
  }
  Beats();
}

void Walk::Beats() {
  for (auto& [id, site] : world_.sites()) {
    if (site.self == nullptr || site.self->role() != Role::kLeader) continue;
    if (site.self->WantsBeat() || Chance(100'000)) world_.Beat(id);
  }
}

void Walk::Client() {
  const ReplicaId id = Anyone();
  if (!world_.IsUp(id)) return;
  Replica& self = *world_.site(id).self;
  if (Chance(300'000)) (void)self.Propose(fmt::format("c{}", next_command_++));
  if (Chance(200'000)) {
    const ReadId read{next_read_++};
    judge_.OnRead(read);
    (void)self.Read(read);
  }
  world_.Pump(id);
}

bool Walk::IsLost(const World::Envelope& envelope) {
  if (cut_off_.contains(ReplicaId{envelope.from.value})) return true;
  return cut_off_.contains(ReplicaId{envelope.to.value}) || Chance(weather_.loss);
}

void Walk::Network() {
  std::vector<World::Envelope> under_way = std::exchange(world_.network(), {});
  std::vector<World::Envelope> late;
  for (World::Envelope& envelope : under_way) {
    if (Chance(weather_.late)) {
      late.push_back(std::move(envelope));
      continue;
    }
    if (IsLost(envelope)) continue;
    world_.Arrive(envelope);
    if (Chance(weather_.repeat)) late.push_back(std::move(envelope));
  }
  std::ranges::move(late, std::back_inserter(world_.network()));
}

void Walk::Disks() {
  for (auto& [id, site] : world_.sites()) {
    if (site.self == nullptr) continue;
    if (Chance(weather_.sync)) world_.SyncOne(id);
    if (Chance(300'000)) world_.AnswerFetch(id);
    if (Chance(100'000)) world_.SendSnapshot(id, !Chance(weather_.loss));
    if (Chance(100'000)) world_.Install(id);
    if (Chance(50'000)) world_.Flush(id);
  }
}

void Walk::Faults() {
  const ReplicaId id = Anyone();
  if (!world_.IsUp(id)) {
    if (Chance(200'000)) world_.Start(id);
    return;
  }
  if (Chance(weather_.crash)) return world_.Crash(id);
  if (Chance(weather_.truncate)) Truncate(id);
  if (!cut_off_.empty() && Chance(30'000)) cut_off_.clear();
  if (Chance(weather_.cut)) CutOff(id);
  Replica& self = *world_.site(id).self;
  if (Chance(5'000))
    self.OnLeaderSuspected(Ms(static_cast<int64_t>(random_.Below(100))), world_.now());
  if (Chance(weather_.transfer)) (void)self.Transfer(Anyone(), world_.now());
  if (Chance(weather_.change)) ChangeConfiguration(id);
  world_.Pump(id);
}

// The others notice, or do not.
void Walk::CutOff(ReplicaId id) {
  cut_off_ = {id};
  if (Chance(kMillion / 2)) return;
  for (auto& [other, site] : world_.sites()) {
    if (other == id || site.self == nullptr) continue;
    site.self->OnLeaderSuspected(Ms(static_cast<int64_t>(random_.Below(300))), world_.now());
  }
}

void Walk::Truncate(ReplicaId id) {
  const World::Site& site = world_.site(id);
  const Index first = site.disk.first();
  const Index flushed = site.disk.flushed.index;
  if (flushed >= first && flushed <= site.disk.last()) {
    world_.Truncate(id, random_.Between(first, flushed));
  }
}

// Toggles one replica: a voter leaves, a learner is promoted, or a blank one becomes a learner.
void Walk::ChangeConfiguration(ReplicaId id) {
  Replica& self = *world_.site(id).self;
  if (self.role() != Role::kLeader) return;
  const Configuration& present = self.configuration();
  Replica::Change change{.if_index = self.configuration_index(),
                         .voters = present.voters,
                         .learners = present.learners};
  if (!change.learners.empty()) {
    if (Chance(800'000)) change.voters.push_back(change.learners.back());
    change.learners.pop_back();
    if (change.voters.size() > 3) change.voters.erase(change.voters.begin());
  } else if (change.voters.size() > 3 && Chance(500'000)) {
    change.voters.erase(change.voters.begin() +
                        static_cast<ptrdiff_t>(random_.Below(change.voters.size())));
  } else if (next_replica_ <= 9) {
    const uint64_t blank = next_replica_++;
    world_.Add(ReplicaId{blank}, {});
    change.learners = Members({blank});
  }
  (void)self.ProposeChange(change, world_.now());
}

ReplicaId Walk::Anyone() {
  auto it = world_.sites().begin();
  std::advance(it, static_cast<ptrdiff_t>(random_.Below(world_.sites().size())));
  return it->first;
}

std::optional<ReplicaId> Walk::Leader() {
  std::optional<ReplicaId> leader;
  Term term = 0;
  for (auto& [id, site] : world_.sites()) {
    if (site.self == nullptr || !site.self->IsServing() || site.self->term() < term) continue;
    leader = id;
    term = site.self->term();
  }
  return leader;
}

std::string Walk::Heal() {
  cut_off_.clear();
  weather_ = {.replicas = weather_.replicas, .sync = kMillion};
  for (auto& [id, site] : world_.sites()) {
    if (site.self == nullptr) world_.Start(id);
  }
  const Index before = judge_.highest_commit();
  const uint64_t reads_before = judge_.sights().reads;
  // Ten virtual seconds and more: several election timeouts.
  for (int i = 0; i < 2000 && judge_.breaches().empty(); ++i) Step();
  const std::optional<ReplicaId> leader = Leader();
  if (!leader.has_value()) return "nobody leads";
  const Replica& self = *world_.site(*leader).self;
  if (self.configuration().IsJoint()) return "a joint configuration is not left";
  if (judge_.highest_commit() <= before) return "nothing is committed";
  if (judge_.sights().reads <= reads_before) return "no read is confirmed";
  for (const Member& member : self.configuration().All()) {
    const World::Site& site = world_.site(member.id);
    if (site.self->commit() + 50 < self.commit()) {
      return fmt::format("{} is left behind at {} of {}", member.id.value, site.self->commit(),
                         self.commit());
    }
  }
  return {};
}

}  // namespace kvd::raft::test
