#include "tests/simulation/truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "common/bytes.h"

namespace kvd::simulation {
namespace {

using partition::BatchMutation;
using partition::DeleteMutation;
using partition::IncrementMutation;
using partition::PutMutation;

const std::string& KeyOf(const BatchMutation::Item& item) {
  return std::visit([](const auto& each) -> const std::string& { return each.key; }, item);
}

int64_t NumberIn(const std::string& value) {
  return std::strtoll(value.c_str(), nullptr, 10);
}

// The mutation that an operation asks for; nullopt: none.
std::optional<partition::Mutation> MutationOf(const node::Operation& operation) {
  if (const auto* put = std::get_if<node::Put>(&operation.action)) {
    return PutMutation{operation.key, put->value, put->if_version};
  }
  if (const auto* del = std::get_if<node::Delete>(&operation.action)) {
    return DeleteMutation{operation.key, del->if_version};
  }
  if (const auto* increment = std::get_if<node::Increment>(&operation.action)) {
    return IncrementMutation{operation.key, increment->by};
  }
  const auto* batch = std::get_if<node::Batch>(&operation.action);
  if (batch == nullptr) return std::nullopt;
  BatchMutation mutation;
  for (const node::BatchItem& item : batch->items) {
    if (const auto* put = std::get_if<node::Put>(&item.action)) {
      mutation.items.emplace_back(PutMutation{item.key, put->value, put->if_version});
    } else {
      mutation.items.emplace_back(
          DeleteMutation{item.key, std::get<node::Delete>(item.action).if_version});
    }
  }
  return mutation;
}

}  // namespace

void Truth::Fail(PartitionId partition, const std::string& what) {
  world_.Fail(FailureKind::kWrong, fmt::format("partition {}: {}", partition.value, what));
}

void Truth::Committed(PartitionId partition, Index index) {
  Index& committed = partitions_[partition].committed;
  committed = std::max(committed, index);
}

Index Truth::committed(PartitionId partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? 0 : found->second.committed;
}

void Truth::Applied(const std::string& who, const partition::ApplyJob& job,
                    const partition::Applied& applied) {
  Partition& known = partitions_[job.partition];
  for (size_t i = 0; i < job.entries.size(); ++i) {
    const storage::Entry& entry = job.entries[i];
    const partition::Outcome& outcome = applied.outcomes.at(i);
    if (entry.index == known.entries.size() + 1) {
      Append(job.partition, entry, outcome);
      continue;
    }
    if (entry.index > known.entries.size()) {
      return Fail(job.partition, fmt::format("{} applies entry {} and nobody has entry {}", who,
                                             entry.index, known.entries.size() + 1));
    }
    const Entry& first = known.entries[entry.index - 1];
    if (first.entry != entry) {
      Fail(job.partition, fmt::format("{} applies entry {} of term {}, others one of term {}", who,
                                      entry.index, entry.term, first.entry.term));
    }
    if (first.outcome != outcome) {
      Fail(job.partition, fmt::format("entry {} does something else on {}", entry.index, who));
    }
  }
}

void Truth::Append(PartitionId partition, const storage::Entry& entry,
                   const partition::Outcome& outcome) {
  Partition& known = partitions_[partition];
  Entry next{entry, outcome, std::nullopt};
  if (entry.kind == storage::EntryKind::kCommand && !entry.payload.empty()) {
    auto command = partition::DecodeCommand(entry.payload);
    if (!command.ok()) {
      return Fail(partition, fmt::format("entry {} is no command", entry.index));
    }
    next.command = *std::move(command);
  }
  if (next.command) Execute(partition, known, next);
  known.entries.push_back(std::move(next));
}

// Each request is decided once, and its repetitions are answered with that.
void Truth::Execute(PartitionId id, Partition& partition, const Entry& entry) {
  const auto& request = entry.command->id;
  const bool stale = std::holds_alternative<partition::Stale>(entry.outcome.what) ||
                     std::holds_alternative<partition::BaseTooOld>(entry.outcome.what);
  if (stale) return;
  if (!request) return Judge(id, partition, entry);
  const std::pair name(request->client, request->sequence);
  const auto before = partition.decided.find(name);
  if (before == partition.decided.end()) {
    if (entry.outcome.duplicate) {
      Fail(id, fmt::format("entry {} is called a duplicate and is none", entry.entry.index));
    }
    partition.decided.emplace(name, entry.outcome.what);
    return Judge(id, partition, entry);
  }
  if (!entry.outcome.duplicate) {
    Fail(id, fmt::format("entry {} applies request {} of client {:x} a second time",
                         entry.entry.index, request->sequence, request->client));
  } else if (entry.outcome.what != before->second) {
    Fail(id, fmt::format("entry {} answers request {} of client {:x} otherwise than before",
                         entry.entry.index, request->sequence, request->client));
  }
}

void Truth::Judge(PartitionId id, Partition& partition, const Entry& entry) {
  const Version version = entry.entry.index;
  const partition::Mutation& mutation = entry.command->mutation;
  if (entry.outcome.what != Expect(partition, mutation, version)) {
    return Fail(id, fmt::format("entry {} does what it should not", version));
  }
  if (entry.outcome.version == version) Write(partition, mutation, version);
}

const Truth::State& Truth::Last(const Partition& partition, const std::string& key) {
  static const State kAbsent;
  const auto found = partition.keys.find(key);
  return found == partition.keys.end() ? kAbsent : found->second.back().second;
}

Truth::What Truth::Expect(const Partition& partition, const partition::Mutation& mutation,
                          Version version) const {
  const auto mismatch = [&](const auto& change) -> std::optional<What> {
    const State& state = Last(partition, change.key);
    if (!change.if_version || *change.if_version == state.version) return std::nullopt;
    return partition::Mismatch{change.key, state.version};
  };
  if (const auto* put = std::get_if<PutMutation>(&mutation)) {
    return mismatch(*put).value_or(What(partition::Written{version}));
  }
  if (const auto* del = std::get_if<DeleteMutation>(&mutation)) {
    if (auto failed = mismatch(*del)) return *failed;
    if (!Last(partition, del->key).present) return partition::Absent{};
    return partition::Written{version};
  }
  if (const auto* increment = std::get_if<IncrementMutation>(&mutation)) {
    const State& state = Last(partition, increment->key);
    return partition::Incremented{NumberIn(state.value) + increment->by, version};
  }
  for (const auto& item : std::get<BatchMutation>(mutation).items) {
    if (auto failed = std::visit(mismatch, item)) return *failed;
  }
  return partition::Written{version};
}

void Truth::Write(Partition& partition, const partition::Mutation& mutation, Version version) {
  const auto put = [&](const std::string& key, const std::string& value) {
    partition.keys[key].emplace_back(version, State{true, value, version});
  };
  const auto remove = [&](const std::string& key) {
    partition.keys[key].emplace_back(version, State{});
  };
  if (const auto* one = std::get_if<PutMutation>(&mutation)) put(one->key, one->value);
  if (const auto* one = std::get_if<DeleteMutation>(&mutation)) remove(one->key);
  if (const auto* one = std::get_if<IncrementMutation>(&mutation)) {
    const int64_t before = NumberIn(Last(partition, one->key).value);
    put(one->key, fmt::to_string(before + one->by));
  }
  if (const auto* batch = std::get_if<BatchMutation>(&mutation)) {
    for (const auto& item : batch->items) {
      if (const auto* one = std::get_if<PutMutation>(&item)) {
        put(one->key, one->value);
      } else {
        remove(KeyOf(item));
      }
    }
  }
}

void Truth::Digest(const std::string& who, PartitionId partition, Index index, uint64_t digest) {
  const auto [known, fresh] = partitions_[partition].digests.emplace(index, digest);
  if (fresh || known->second == digest) return;
  Fail(partition, fmt::format("behind entry {} {} differs from others", index, who));
}

template <typename Predicate>
bool Truth::Was(const Partition& partition, const std::string& key, Index from, Index to,
                const Predicate& fits) const {
  const auto found = partition.keys.find(key);
  if (found == partition.keys.end()) return fits(State{});
  const auto& states = found->second;
  auto at = std::ranges::upper_bound(states, from, {}, [](const auto& each) { return each.first; });
  if (at == states.begin() ? fits(State{}) : fits(std::prev(at)->second)) return true;
  for (; at != states.end() && at->first <= to; ++at) {
    if (fits(at->second)) return true;
  }
  return false;
}

bool Truth::FitsWrite(const Partition& partition, const node::Operation& operation, Version version,
                      std::optional<int64_t> number) const {
  if (version == 0 || version > partition.entries.size()) return false;
  const Entry& entry = partition.entries[version - 1];
  if (!entry.command || entry.command->mutation != MutationOf(operation)) return false;
  const auto& id = operation.request_id;
  if (id && (!entry.command->id || entry.command->id->client != id->client ||
             entry.command->id->sequence != id->sequence)) {
    return false;
  }
  const auto* incremented = std::get_if<partition::Incremented>(&entry.outcome.what);
  if (incremented != nullptr) return number == incremented->value;
  return std::holds_alternative<partition::Written>(entry.outcome.what) && !entry.outcome.duplicate;
}

bool Truth::Fits(const Partition& partition, const node::Operation& operation, Index arrival,
                 const node::Result& result) const {
  const Index now = partition.entries.size();
  const auto was_absent = [](const State& state) { return !state.present; };
  if (const auto* found = std::get_if<node::Found>(&result)) {
    return Was(partition, operation.key, arrival, now, [&](const State& state) {
      return state.present && state.value == found->value && state.version == found->version;
    });
  }
  if (std::holds_alternative<node::Absent>(result)) {
    return Was(partition, operation.key, arrival, now, was_absent);
  }
  if (const auto* mismatch = std::get_if<node::Mismatch>(&result)) {
    return Was(partition, mismatch->key, arrival, now,
               [&](const State& state) { return state.version == mismatch->actual; });
  }
  if (const auto* written = std::get_if<node::Written>(&result)) {
    return FitsWrite(partition, operation, written->version, std::nullopt);
  }
  const auto* incremented = std::get_if<node::Incremented>(&result);
  return incremented == nullptr ||
         FitsWrite(partition, operation, incremented->version, incremented->value);
}

void Truth::Answered(const node::Operation& operation, Index arrival, const node::Answer& answer) {
  const auto* get = std::get_if<node::Get>(&operation.action);
  const Index from = get != nullptr && get->stale ? 0 : arrival;
  const Partition& partition = partitions_[answer.partition];
  if (Fits(partition, operation, from, answer.result)) return;
  Fail(answer.partition,
       fmt::format("the answer about {} by {}, kind {}, is what was at no index from {} to {}",
                   Quoted(operation.key), answer.owner, answer.result.index(), from,
                   partition.entries.size()));
}

int64_t Truth::NumberAt(PartitionId partition, const std::string& key) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? 0 : NumberIn(Last(found->second, key).value);
}

}  // namespace kvd::simulation
