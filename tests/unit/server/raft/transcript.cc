#include "tests/unit/server/raft/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "common/check.h"
#include "tests/unit/server/raft/describe.h"

namespace kvd::raft::test {
namespace {

uint64_t Number(const std::string& word) {
  return std::stoull(word);
}

std::string_view NameOf(Replica::Refused why) {
  switch (why) {
    case Replica::Refused::kNotLeader:
      return "not the leader";
    case Replica::Refused::kTransferring:
      return "transferring";
    case Replica::Refused::kTooMuchUncommitted:
      return "too much uncommitted";
  }
  return "?";
}

std::string_view NameOf(Replica::ChangeRefused why) {
  switch (why) {
    case Replica::ChangeRefused::kNotLeader:
      return "not the leader";
    case Replica::ChangeRefused::kTransferring:
      return "transferring";
    case Replica::ChangeRefused::kOtherConfiguration:
      return "other configuration";
    case Replica::ChangeRefused::kChangeUnderWay:
      return "change under way";
    case Replica::ChangeRefused::kNoEntryOfOwnTerm:
      return "no entry of own term";
    case Replica::ChangeRefused::kNotCaughtUp:
      return "not caught up";
    case Replica::ChangeRefused::kNoVoters:
      return "no voters";
  }
  return "?";
}

}  // namespace

Transcript::Transcript() : Judge({}), world_(options_, this) {
  Watch(world_);
}

std::vector<std::string> Transcript::Run(const std::string& command) {
  std::istringstream in(command);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  quiet_ = !words.empty() && words.front() == "quiet";
  if (quiet_) words.erase(words.begin());
  if (!words.empty()) Do(words);
  return std::exchange(said_, {});
}

void Transcript::Do(const Words& words) {
  try {
    if (DoSetUp(words) || DoNetwork(words) || DoDisk(words) || DoClient(words)) return;
  } catch (const std::exception& error) {
    quiet_ = false;
    Say(fmt::format("?? {}: {}", words[0], error.what()));
    return;
  }
  quiet_ = false;
  Say("?? unknown command: " + words[0]);
}

bool Transcript::DoSetUp(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "option") {
    SetOption(words.at(1), Number(words.at(2)));
  } else if (verb == "group") {
    Group(words);
  } else if (verb == "disk") {
    SetDisk(words);
  } else if (verb == "add") {
    world_.Add(ReplicaId{Number(words.at(1))}, {});
  } else if (verb == "pass") {
    world_.Pass(Ms(static_cast<int64_t>(Number(words.at(1)))));
  } else if (verb == "wake") {
    world_.Advance(At(words, 1));
  } else if (verb == "state") {
    State(words);
  } else {
    return false;
  }
  return true;
}

bool Transcript::DoNetwork(const Words& words) {
  const std::string& verb = words[0];
  const std::string which = words.size() > 1 ? words[1] : "*";
  if (verb == "deliver") {
    Deliver(which, 1);
  } else if (verb == "drop") {
    Deliver(which, 0);
  } else if (verb == "repeat") {
    Deliver(which, 2);
  } else if (verb == "cut") {
    for (size_t i = 2; i < words.size(); ++i) {
      const auto a = static_cast<uint32_t>(Number(words[1]));
      const auto b = static_cast<uint32_t>(Number(words[i]));
      cut_.insert({{a, b}, {b, a}});
    }
  } else if (verb == "heal") {
    cut_.clear();
  } else if (verb == "settle") {
    Settle();
  } else if (verb == "beat") {
    world_.Beat(At(words, 1));
    for (const auto& envelope : world_.network()) {
      if (std::holds_alternative<raft::Beat>(envelope.message.body)) {
        Say(Describe(envelope.message));
      }
    }
  } else if (verb == "linkdown") {
    Self(words, 1).OnLinkDown(NodeId{static_cast<uint32_t>(Number(words.at(2)))});
    world_.Pump(At(words, 1));
  } else {
    return false;
  }
  return true;
}

bool Transcript::DoDisk(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "sync") {
    const bool one = words.size() > 2;
    while (world_.SyncOne(At(words, 1)) && !one) {
    }
  } else if (verb == "flush") {
    world_.Flush(At(words, 1));
  } else if (verb == "truncate") {
    world_.Truncate(At(words, 1), Number(words.at(2)));
  } else if (verb == "fetch") {
    if (!world_.AnswerFetch(At(words, 1))) Say("nothing to fetch");
  } else if (verb == "snapshot") {
    if (!world_.SendSnapshot(At(words, 1), words.size() < 3)) Say("no snapshot wanted");
  } else if (verb == "install") {
    if (!world_.Install(At(words, 1))) Say("nothing to install");
  } else if (verb == "crash") {
    world_.Crash(At(words, 1));
    roles_.erase(At(words, 1));
  } else if (verb == "start") {
    world_.Start(At(words, 1));
  } else {
    return false;
  }
  return true;
}

bool Transcript::DoClient(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "propose" || verb == "bulk") {
    const std::string payload =
        verb == "bulk" ? std::string(Number(words.at(2)), 'x') : words.at(2);
    const auto outcome = Self(words, 1).Propose(payload);
    if (const auto* why = std::get_if<Replica::Refused>(&outcome)) {
      Say(fmt::format("{} refuses: {}", words[1], NameOf(*why)));
    }
  } else if (verb == "read") {
    const ReadId read{Number(words.at(2))};
    OnRead(read);
    if (!Self(words, 1).Read(read)) Say(words[1] + " refuses: not the leader");
    if (Self(words, 1).WantsBeat()) Say(words[1] + " wants a beat");
  } else if (verb == "transfer") {
    if (!Self(words, 1).Transfer(ReplicaId{Number(words.at(2))}, world_.now())) {
      Say(words[1] + " refuses");
    }
  } else if (verb == "change") {
    Change(words);
  } else if (verb == "suspect") {
    Self(words, 1).OnLeaderSuspected(Ms(static_cast<int64_t>(Number(words.at(2)))), world_.now());
  } else {
    return false;
  }
  world_.Pump(At(words, 1));
  return true;
}

void Transcript::SetOption(const std::string& name, uint64_t value) {
  if (name == "append") options_.max_append_bytes = value;
  if (name == "window") options_.max_inflight_bytes = value;
  if (name == "uncommitted") options_.max_uncommitted_bytes = value;
  if (name == "cache") options_.cache_bytes = value;
  world_.SetOptions(options_);
}

void Transcript::Group(const Words& words) {
  std::vector<uint64_t> ids;
  for (size_t i = 1; i < words.size(); ++i) ids.push_back(Number(words[i]));
  founding_ = {.voters = Members(ids), .outgoing = {}, .learners = {}};
  SetFounding(founding_);
  for (const uint64_t id : ids) world_.Add(ReplicaId{id}, founding_);
}

void Transcript::SetDisk(const Words& words) {
  const ReplicaId id{Number(words.at(1))};
  if (world_.IsUp(id)) world_.Crash(id);
  storage::GroupWrite write{.group = GroupId{1},
                            .hard_state = storage::HardState{Number(words.at(2)), {}}};
  for (size_t i = 3; i < words.size(); ++i) {
    const Index index = i - 2;
    write.entries.push_back({.index = index,
                             .term = Number(words[i]),
                             .payload = fmt::format("{}.{}", words[i], index)});
  }
  world_.site(id).disk.Apply(write);
}

void Transcript::Deliver(const std::string& which, int copies) {
  std::vector<World::Envelope> now;
  std::vector<World::Envelope> later;
  for (World::Envelope& envelope : std::exchange(world_.network(), {})) {
    const std::string way = fmt::format("{}->{}", envelope.from.value, envelope.to.value);
    (which == "*" || which == way ? now : later).push_back(std::move(envelope));
  }
  world_.network() = std::move(later);
  for (const World::Envelope& envelope : now) {
    const bool lost = cut_.contains({envelope.from.value, envelope.to.value});
    for (int i = 0; i < copies && !lost; ++i) world_.Arrive(envelope);
  }
}

void Transcript::Settle() {
  bool busy = true;
  for (int rounds = 0; busy && rounds < 200; ++rounds) {
    busy = !world_.network().empty();
    Deliver("*", 1);
    for (auto& [id, site] : world_.sites()) {
      if (site.self == nullptr) continue;
      while (world_.SyncOne(id)) busy = true;
      while (world_.AnswerFetch(id)) busy = true;
      while (world_.SendSnapshot(id, true)) busy = true;
      while (world_.Install(id)) busy = true;
    }
  }
  if (busy) Say("?? it does not settle");
}

void Transcript::Change(const Words& words) {
  Replica::Change change{.if_index = Number(words.at(2)), .voters = {}, .learners = {}};
  std::vector<Member>* into = nullptr;
  for (size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "voters") {
      into = &change.voters;
    } else if (words[i] == "learners") {
      into = &change.learners;
    } else if (into != nullptr) {
      into->push_back(Members({Number(words[i])}).front());
    }
  }
  const auto outcome = Self(words, 1).ProposeChange(change, world_.now());
  if (const auto* why = std::get_if<Replica::ChangeRefused>(&outcome)) {
    Say(fmt::format("{} refuses: {}", words[1], NameOf(*why)));
  }
}

void Transcript::State(const Words& words) {
  for (const auto& [id, site] : world_.sites()) {
    if (words.size() > 1 && id != At(words, 1)) continue;
    Say(fmt::format("{}: {}", id.value, site.self == nullptr ? "down" : Describe(site)));
  }
}

void Transcript::Say(std::string line) {
  if (!quiet_) said_.push_back(std::move(line));
}

ReplicaId Transcript::At(const Words& words, size_t i) const {
  return ReplicaId{Number(words.at(i))};
}

Replica& Transcript::Self(const Words& words, size_t i) {
  const ReplicaId id = At(words, i);
  if (!world_.IsUp(id)) throw std::invalid_argument(words.at(i) + " is down");
  return *world_.site(id).self;
}

void Transcript::OnEffects(ReplicaId id, const World::Site& site, const Effects& effects) {
  Judge::OnEffects(id, site, effects);
  OnRole(id, site);
  if (effects.write.has_value()) {
    Say(fmt::format("{} writes #{}:{}", id.value, effects.write->number,
                    Describe(effects.write->write)));
  }
  for (const Outgoing& outgoing : effects.messages) Say(Describe(outgoing.message));
  if (!effects.committed.empty()) {
    Say(fmt::format("{} applies{}", id.value, Describe(effects.committed)));
  }
  for (const ConfirmedRead& read : effects.reads) {
    Say(fmt::format("{} confirms read {} at {}", id.value, read.id.value, read.index));
  }
  for (const ReadId read : effects.lost_reads)
    Say(fmt::format("{} loses read {}", id.value, read.value));
  for (const Fetch& fetch : effects.fetches) {
    Say(fmt::format("{} fetches [{}, {}] for {}", id.value, fetch.from, fetch.to,
                    fetch.follower.value));
  }
  for (const SnapshotWanted& wanted : effects.snapshots) {
    Say(fmt::format("{} wants a snapshot sent to {}", id.value, wanted.follower.id.value));
  }
  if (effects.install.has_value()) {
    Say(fmt::format("{} wants to install {}/{}", id.value, effects.install->index,
                    effects.install->term));
  }
}

void Transcript::OnStep(ReplicaId id, const World::Site& site) {
  OnRole(id, site);
  Judge::OnStep(id, site);
}

void Transcript::OnRole(ReplicaId id, const World::Site& site) {
  std::string role =
      fmt::format("{} is {} in term {}", id.value, Describe(site.self->role()), site.self->term());
  if (const auto leader = site.self->leader(); leader.has_value() && leader->id != id) {
    role += fmt::format(" of {}", leader->id.value);
  }
  if (std::exchange(roles_[id], role) != role) Say(role);
}

}  // namespace kvd::raft::test
