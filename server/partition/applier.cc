#include "server/partition/applier.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/check.h"
#include "server/partition/command.h"

namespace kvd::partition {
namespace {

using Kind = Decision::Kind;

// The whole text, and nothing but a number in the range.
std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

const std::string& KeyOf(const Mutation& mutation, uint32_t item) {
  static const std::string kNone;
  if (const auto* put = std::get_if<PutMutation>(&mutation)) return put->key;
  if (const auto* del = std::get_if<DeleteMutation>(&mutation)) return del->key;
  if (const auto* increment = std::get_if<IncrementMutation>(&mutation)) return increment->key;
  const auto& items = std::get<BatchMutation>(mutation).items;
  if (item >= items.size()) return kNone;  // A client gave one id to two different requests.
  return std::visit([](const auto& one) -> const std::string& { return one.key; }, items[item]);
}

// A decision by entry `index` about `mutation`, in full.
void Explain(const Decision& decision, Index index, const Mutation& mutation, Outcome& outcome) {
  const std::string& key = KeyOf(mutation, decision.item);
  switch (decision.kind) {
    case Kind::kWritten:
      outcome.what = Written{index};
      outcome.version = index;
      return;
    case Kind::kAbsent:
      outcome.what = Absent{};
      return;
    case Kind::kMismatch:
      outcome.what = Mismatch{.key = key, .actual = decision.value};
      return;
    case Kind::kIncremented:
      outcome.what = Incremented{.value = static_cast<int64_t>(decision.value), .version = index};
      outcome.version = index;
      return;
    case Kind::kNotANumber:
      outcome.what = NotANumber{.key = key, .actual = decision.value};
      return;
    case Kind::kOverflow:
      outcome.what = Overflow{.key = key, .value = static_cast<int64_t>(decision.value)};
      return;
  }
}

// One call of Apply(): the state as the entries so far have left it, on top of the store.
class Run {
 public:
  Run(PartitionId partition, storage::AppliedRecord applied, Sessions& sessions,
      const storage::Store& store)
      : partition_(partition), applied_(std::move(applied)), sessions_(sessions), store_(store) {}

  StatusOr<Outcome> Step(const storage::Entry& entry) {
    KVD_CHECK_OP(==, entry.index, applied_.index + 1);
    Outcome outcome{.index = entry.index, .term = entry.term, .what = Nothing{}};
    sessions_.Expire(entry.index);
    if (entry.kind == storage::EntryKind::kConfiguration) {
      applied_.configuration = std::string(entry.payload);
    } else if (!entry.payload.empty()) {
      KVD_ASSIGN_OR_RETURN(Command command, DecodeCommand(entry.payload));
      KVD_RETURN_IF_ERROR(Execute(command, outcome));
    }
    applied_.index = entry.index;
    applied_.term = entry.term;
    return outcome;
  }

  // What the run changed, and the record behind it.
  storage::AppliedRecord FlushTo(storage::StoreBatch& batch) {
    while (!changed_.empty()) {
      auto change = changed_.extract(changed_.begin());
      std::string& key = change.key();
      if (auto& value = change.mapped()) {
        batch.Add(storage::StoreBatch::Put{partition_, applied_.generation, std::move(key),
                                           *std::move(value)});
      } else {
        batch.Add(storage::StoreBatch::Delete{partition_, applied_.generation, std::move(key)});
      }
    }
    sessions_.AddChangesTo(batch, partition_, applied_.generation);
    applied_.floor = sessions_.floor();
    batch.Add(storage::StoreBatch::SetApplied{partition_, applied_});
    return applied_;
  }

 private:
  using Current = std::optional<storage::StoredHead>;
  using Value = std::optional<storage::StoredValue>;

  // Takes what the command writes.
  Status Execute(Command& command, Outcome& outcome) {
    if (command.id && !Admit(command, outcome)) return OkStatus();
    KVD_ASSIGN_OR_RETURN(
        const Decision decision,
        std::visit([&](auto& m) { return Do(outcome.index, m); }, command.mutation));
    if (command.id) sessions_.Record(*command.id, outcome.index, decision);
    Explain(decision, outcome.index, command.mutation, outcome);
    return OkStatus();
  }

  // Whether the command is to be executed; if not, its outcome is known.
  bool Admit(const Command& command, Outcome& outcome) {
    const Sessions::Verdict verdict = sessions_.Judge(*command.id, outcome.index);
    if (std::holds_alternative<Sessions::Execute>(verdict)) return true;
    if (const auto* known = std::get_if<Sessions::Known>(&verdict)) {
      outcome.duplicate = true;
      Explain(known->decision, known->index, command.mutation, outcome);
    } else if (const auto* stale = std::get_if<Stale>(&verdict)) {
      outcome.what = *stale;
    } else {
      outcome.what = std::get<BaseTooOld>(verdict);
    }
    return false;
  }

  StatusOr<Decision> Do(Index index, PutMutation& put) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(put.key));
    if (auto mismatch = Contradiction(put.if_version, before)) return *mismatch;
    Write(std::move(put.key), before, {.version = index, .value = std::move(put.value)});
    return Decision{.kind = Kind::kWritten};
  }

  StatusOr<Decision> Do(Index /*index*/, const DeleteMutation& del) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(del.key));
    if (auto mismatch = Contradiction(del.if_version, before)) return *mismatch;
    if (!before) return Decision{.kind = Kind::kAbsent};
    Erase(del.key, before);
    return Decision{.kind = Kind::kWritten};
  }

  StatusOr<Decision> Do(Index index, const IncrementMutation& increment) {
    KVD_ASSIGN_OR_RETURN(const Value before, Read(increment.key));
    const std::optional<int64_t> number = before ? ParseNumber(before->value) : 0;
    if (!number) return Decision{.kind = Kind::kNotANumber, .value = before->version};
    int64_t sum = 0;
    if (__builtin_add_overflow(*number, increment.by, &sum)) {
      return Decision{.kind = Kind::kOverflow, .value = static_cast<uint64_t>(*number)};
    }
    Write(increment.key, HeadOf(before), {.version = index, .value = std::to_string(sum)});
    return Decision{.kind = Kind::kIncremented, .value = static_cast<uint64_t>(sum)};
  }

  StatusOr<Decision> Do(Index index, const BatchMutation& batch) {
    for (uint32_t item = 0; item < batch.items.size(); ++item) {
      const auto conditional = [&](const auto& one) -> StatusOr<std::optional<Decision>> {
        if (!one.if_version) return std::nullopt;
        KVD_ASSIGN_OR_RETURN(const Current before, Lookup(one.key));
        return Contradiction(one.if_version, before, item);
      };
      KVD_ASSIGN_OR_RETURN(const auto mismatch, std::visit(conditional, batch.items[item]));
      if (mismatch) return *mismatch;
    }
    for (const BatchMutation::Item& item : batch.items) {
      KVD_RETURN_IF_ERROR(std::visit([&](const auto& one) { return Write(index, one); }, item));
    }
    return Decision{.kind = Kind::kWritten};
  }

  // Their conditions hold.
  Status Write(Index index, const PutMutation& put) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(put.key));
    Write(put.key, before, {.version = index, .value = put.value});
    return OkStatus();
  }
  Status Write(Index /*index*/, const DeleteMutation& del) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(del.key));
    if (before) Erase(del.key, before);
    return OkStatus();
  }

  static std::optional<Decision> Contradiction(const std::optional<Version>& if_version,
                                               const Current& before, uint32_t item = 0) {
    const Version actual = before ? before->version : 0;
    if (!if_version || *if_version == actual) return std::nullopt;
    return Decision{.kind = Kind::kMismatch, .item = item, .value = actual};
  }

  static Current HeadOf(const Value& value) {
    if (!value) return std::nullopt;
    return storage::StoredHead{.version = value->version, .bytes = value->value.size()};
  }

  StatusOr<Current> Lookup(const std::string& key) const {
    if (const auto it = changed_.find(key); it != changed_.end()) return HeadOf(it->second);
    return store_.Head(partition_, applied_.generation, key);
  }

  StatusOr<Value> Read(const std::string& key) const {
    if (const auto it = changed_.find(key); it != changed_.end()) return it->second;
    return store_.Get(partition_, applied_.generation, key);
  }

  void Write(std::string key, const Current& before, storage::StoredValue value) {
    Uncount(key, before);
    applied_.keys += 1;
    applied_.value_bytes += key.size() + value.value.size();
    changed_.insert_or_assign(std::move(key), std::move(value));
  }

  void Erase(const std::string& key, const Current& before) {
    Uncount(key, before);
    changed_[key] = std::nullopt;
  }

  void Uncount(std::string_view key, const Current& before) {
    if (!before) return;
    applied_.keys -= 1;
    applied_.value_bytes -= key.size() + before->bytes;
  }

  const PartitionId partition_;
  storage::AppliedRecord applied_;
  Sessions& sessions_;
  const storage::Store& store_;
  std::map<std::string, Value> changed_;
};

}  // namespace

Applier::Applier(PartitionId partition, storage::AppliedRecord applied, Sessions sessions)
    : partition_(partition), applied_(std::move(applied)), sessions_(std::move(sessions)) {
  KVD_CHECK_OP(==, applied_.floor, sessions_.floor());
}

StatusOr<std::vector<Outcome>> Applier::Apply(std::span<const storage::Entry> entries,
                                              const storage::Store& store,
                                              storage::StoreBatch& batch) {
  Run run(partition_, applied_, sessions_, store);
  std::vector<Outcome> outcomes;
  outcomes.reserve(entries.size());
  for (const storage::Entry& entry : entries) {
    auto outcome = run.Step(entry);
    if (!outcome.ok()) {
      return Annotate(outcome.status(),
                      fmt::format("apply partition {} index {}", partition_.value, entry.index));
    }
    outcomes.push_back(*std::move(outcome));
  }
  applied_ = run.FlushTo(batch);
  return outcomes;
}

}  // namespace kvd::partition
