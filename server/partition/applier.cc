#include "server/partition/applier.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/check.h"
#include "server/partition/mutation.h"

namespace kvd::partition {
namespace {

// One call of Apply(): the state as the entries so far have left it, on top of the store.
class Run {
 public:
  Run(PartitionId partition, storage::AppliedRecord applied, const storage::Store& store)
      : partition_(partition), applied_(std::move(applied)), store_(store) {}

  StatusOr<Outcome> Step(const storage::Entry& entry) {
    KVD_CHECK_OP(==, entry.index, applied_.index + 1);
    Outcome outcome{.index = entry.index};
    if (!entry.payload.empty()) {
      KVD_ASSIGN_OR_RETURN(const Mutation mutation, DecodeMutation(entry.payload));
      KVD_ASSIGN_OR_RETURN(outcome,
                           std::visit([&](const auto& m) { return Do(entry.index, m); }, mutation));
    }
    applied_.index = entry.index;
    applied_.term = entry.term;
    return outcome;
  }

  // What the run changed, and the record behind it.
  storage::AppliedRecord FlushTo(storage::StoreBatch& batch) {
    for (auto& [key, value] : changed_) {
      if (value) {
        batch.Add(
            storage::StoreBatch::Put{partition_, applied_.generation, key, *std::move(value)});
      } else {
        batch.Add(storage::StoreBatch::Delete{partition_, applied_.generation, key});
      }
    }
    batch.Add(storage::StoreBatch::SetApplied{partition_, applied_});
    return applied_;
  }

 private:
  using Current = std::optional<storage::StoredValue>;

  StatusOr<Outcome> Do(Index index, const PutMutation& put) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(put.key));
    Uncount(put.key, before);
    applied_.keys += 1;
    applied_.value_bytes += put.key.size() + put.value.size();
    changed_[put.key] = storage::StoredValue{.version = index, .value = put.value};
    return Outcome{.index = index, .found = before.has_value(), .version = index};
  }

  StatusOr<Outcome> Do(Index index, const DeleteMutation& del) {
    KVD_ASSIGN_OR_RETURN(const Current before, Lookup(del.key));
    if (!before) return Outcome{.index = index};
    Uncount(del.key, before);
    changed_[del.key] = std::nullopt;
    return Outcome{.index = index, .found = true, .version = index};
  }

  StatusOr<Current> Lookup(const std::string& key) const {
    if (const auto it = changed_.find(key); it != changed_.end()) return it->second;
    return store_.Get(partition_, applied_.generation, key);
  }

  void Uncount(std::string_view key, const Current& before) {
    if (!before) return;
    applied_.keys -= 1;
    applied_.value_bytes -= key.size() + before->value.size();
  }

  const PartitionId partition_;
  storage::AppliedRecord applied_;
  const storage::Store& store_;
  std::map<std::string, Current> changed_;
};

}  // namespace

Applier::Applier(PartitionId partition, storage::AppliedRecord applied)
    : partition_(partition), applied_(std::move(applied)) {}

StatusOr<std::vector<Outcome>> Applier::Apply(std::span<const storage::Entry> entries,
                                              const storage::Store& store,
                                              storage::StoreBatch& batch) {
  Run run(partition_, applied_, store);
  std::vector<Outcome> outcomes;
  outcomes.reserve(entries.size());
  for (const storage::Entry& entry : entries) {
    auto outcome = run.Step(entry);
    if (!outcome.ok()) {
      return Annotate(outcome.status(),
                      fmt::format("apply partition {} index {}", partition_.value, entry.index));
    }
    outcomes.push_back(*outcome);
  }
  applied_ = run.FlushTo(batch);
  return outcomes;
}

}  // namespace kvd::partition
