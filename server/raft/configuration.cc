#include "server/raft/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "absl/container/inlined_vector.h"
#include "common/bytes.h"
#include "server/raft/rules.h"

namespace kvd::raft {
namespace {

constexpr uint8_t kFormat = 1;

const Member* FindIn(const std::vector<Member>& members, ReplicaId id) {
  const auto it = std::ranges::find(members, id, &Member::id);
  return it == members.end() ? nullptr : &*it;
}

std::vector<Member> WithLearners(const Configuration& configuration) {
  std::vector<Member> members = configuration.voters;
  std::ranges::copy(configuration.learners, std::back_inserter(members));
  return members;
}

bool HasTwoDeciders(const Configuration& configuration) {
  return configuration.IsJoint() && !IsBroken(Rule::kNewMajorityOnly);
}

bool IsMajorityOf(const std::vector<Member>& members, const std::function<bool(ReplicaId)>& yes) {
  const auto count = std::ranges::count_if(members, yes, &Member::id);
  return static_cast<size_t>(count) > members.size() / 2;
}

Index MajorityIndexOf(const std::vector<Member>& members, Configuration::Reached reached) {
  if (members.empty()) return 0;
  absl::InlinedVector<Index, 8> indexes;
  for (const Member& member : members) indexes.push_back(reached(member));
  const auto middle = indexes.begin() + static_cast<ptrdiff_t>(indexes.size() / 2);
  std::ranges::nth_element(indexes, middle, std::ranges::greater{});
  return *middle;
}

void Write(ByteWriter& out, const std::vector<Member>& members) {
  out.U32(static_cast<uint32_t>(members.size()));
  for (const Member& member : members) out.U64(member.id.value).U32(member.node.value);
}

std::vector<Member> ReadMembers(ByteReader& in) {
  std::vector<Member> members;
  const uint32_t count = in.U32().value_or(0);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    const uint64_t id = in.U64().value_or(0);
    const uint32_t node = in.U32().value_or(0);
    members.push_back({ReplicaId{id}, NodeId{node}});
  }
  return members;
}

bool IsOrdered(const std::vector<Member>& members) {
  const auto not_after = [](const Member& a, const Member& b) { return a.id >= b.id; };
  if (std::ranges::adjacent_find(members, not_after) != members.end()) return false;
  return members.empty() || members.front().id != ReplicaId{};
}

}  // namespace

bool Configuration::IsVoter(ReplicaId id) const {
  return FindIn(voters, id) != nullptr || FindIn(outgoing, id) != nullptr;
}

bool Configuration::Contains(ReplicaId id) const {
  return Find(id) != nullptr;
}

const Member* Configuration::Find(ReplicaId id) const {
  for (const auto* members : {&voters, &outgoing, &learners}) {
    if (const Member* member = FindIn(*members, id); member != nullptr) return member;
  }
  return nullptr;
}

std::vector<Member> Configuration::All() const {
  std::vector<Member> all = voters;
  std::ranges::copy(outgoing, std::back_inserter(all));
  std::ranges::copy(learners, std::back_inserter(all));
  std::ranges::sort(all);
  const auto same = [](const Member& a, const Member& b) { return a.id == b.id; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

bool Configuration::HasMajority(const std::function<bool(ReplicaId)>& yes) const {
  const bool counts_learners = IsBroken(Rule::kLearnerCounted);
  if (counts_learners && !IsMajorityOf(WithLearners(*this), yes)) return false;
  if (!counts_learners && !IsMajorityOf(voters, yes)) return false;
  return !HasTwoDeciders(*this) || IsMajorityOf(outgoing, yes);
}

Index Configuration::MajorityIndex(Reached reached) const {
  const Index index = IsBroken(Rule::kLearnerCounted)
                          ? MajorityIndexOf(WithLearners(*this), reached)
                          : MajorityIndexOf(voters, reached);
  return HasTwoDeciders(*this) ? std::min(index, MajorityIndexOf(outgoing, reached)) : index;
}

bool IsWellFormed(const Configuration& configuration) {
  const auto& [voters, outgoing, learners] = configuration;
  if (voters.empty() || !IsOrdered(voters) || !IsOrdered(outgoing) || !IsOrdered(learners)) {
    return false;
  }
  const auto counts = [&](const Member& learner) { return configuration.IsVoter(learner.id); };
  if (std::ranges::any_of(learners, counts)) return false;
  return std::ranges::all_of(outgoing, [&](const Member& member) {
    const Member* same = FindIn(configuration.voters, member.id);
    return same == nullptr || same->node == member.node;
  });
}

std::string EncodeConfiguration(const Configuration& configuration) {
  ByteWriter out;
  out.U8(kFormat);
  Write(out, configuration.voters);
  Write(out, configuration.outgoing);
  Write(out, configuration.learners);
  return out.Take();
}

StatusOr<Configuration> DecodeConfiguration(std::string_view bytes) {
  ByteReader in(bytes);
  const std::optional<uint8_t> format = in.U8();
  if (format.has_value() && *format > kFormat) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("read a group's configuration: it is of format {}, this kvd "
                                  "knows up to {}; start the newer kvd that wrote it",
                                  *format, kFormat));
  }
  Configuration configuration;
  configuration.voters = ReadMembers(in);
  configuration.outgoing = ReadMembers(in);
  configuration.learners = ReadMembers(in);
  if (format != kFormat || !in.exhausted() || !IsWellFormed(configuration)) {
    return MakeStatus(StatusCode::kDataLoss,
                      fmt::format("read a group's configuration: {} are none; the record is "
                                  "damaged, replace this replica",
                                  FormatBytes(bytes.size())));
  }
  return configuration;
}

}  // namespace kvd::raft
