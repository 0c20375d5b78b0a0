#include "server/partition/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace kvd::partition {
namespace {

using TermStart = raft::Restored::TermStart;

constexpr uint64_t kReadBytes = 4U << 20U;  // At once.
constexpr std::string_view kRemedy =
    "one of them is not this node's own: restore both, or empty the data directory";

Status Contradiction(const storage::GroupExtent& extent, const storage::AppliedRecord& applied) {
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("the data is applied up to {} of term {}, the log holds {} to {}, "
                                "the last of term {}; {}",
                                applied.index, applied.term, extent.first, extent.last,
                                extent.last_term, kRemedy));
}

bool CameBySnapshot(const storage::AppliedRecord& applied) {
  return applied.index > 0 && applied.index == applied.snapshot_index;
}

// The whole log, read in chunks.
class Reading {
 public:
  Reading(const storage::GroupExtent& extent, Index applied) : applied_(applied) {
    loaded_.restored.terms.push_back({.from = extent.first - 1, .term = extent.previous_term});
  }

  Status Read(const storage::Log& log, const storage::GroupExtent& extent) {
    Index next = extent.first;
    while (next <= extent.last) {
      KVD_ASSIGN_OR_RETURN(auto entries, log.Read(extent.group, next, extent.last, kReadBytes));
      for (storage::Entry& entry : entries) KVD_RETURN_IF_ERROR(Add(std::move(entry)));
      next = loaded_.restored.terms.front().from + loaded_.entries + 1;
    }
    return OkStatus();
  }

  // nullopt: not in the log, nor right before it.
  [[nodiscard]] std::optional<Term> TermAt(Index index) const {
    const auto& terms = loaded_.restored.terms;
    const Index before = terms.front().from;
    if (index < before || index > before + loaded_.entries) return std::nullopt;
    const auto above = std::ranges::upper_bound(terms, index, {}, &TermStart::from);
    return std::prev(above)->term;
  }

  LoadedReplica Take() { return std::move(loaded_); }

 private:
  Status Add(storage::Entry entry) {
    auto& terms = loaded_.restored.terms;
    if (entry.term < terms.back().term) {
      return MakeStatus(StatusCode::kDataLoss,
                        fmt::format("log entry {} is of term {}, the one before it of {}; check "
                                    "the disk, then replace this node",
                                    entry.index, entry.term, terms.back().term));
    }
    if (entry.term > terms.back().term) terms.push_back({.from = entry.index, .term = entry.term});
    ++loaded_.entries;
    loaded_.bytes += entry.payload.size();
    if (entry.index > applied_) loaded_.restored.tail.push_back(std::move(entry));
    return OkStatus();
  }

  const Index applied_;
  LoadedReplica loaded_;
};

// The log as it will be once it is reset to the snapshot.
void ResetTo(const storage::AppliedRecord& applied, const storage::GroupExtent& extent,
             LoadedReplica& loaded) {
  storage::GroupWrite reset{.group = extent.group};
  reset.reset = {.index = applied.index, .term = applied.term};
  if (extent.hard_state.term < applied.term) {
    // The snapshot was switched to before the term it came in was durable: no vote in it was given.
    reset.hard_state = {.term = applied.term, .voted_for = {}};
    loaded.restored.hard_state = *reset.hard_state;
  }
  loaded.reset = std::move(reset);
  loaded.restored.first = applied.index + 1;
  loaded.restored.last = applied.index;
  loaded.restored.terms = {{.from = applied.index, .term = applied.term}};
  loaded.restored.tail.clear();
}

}  // namespace

StatusOr<LoadedReplica> LoadReplica(const storage::Log& log, const storage::GroupExtent& extent,
                                    const storage::AppliedRecord& applied,
                                    const raft::Configuration& initial) {
  if (applied.index + 1 < extent.first) return Contradiction(extent, applied);

  Reading reading(extent, applied.index);
  KVD_RETURN_IF_ERROR(reading.Read(log, extent));
  const std::optional<Term> term_in_log = reading.TermAt(applied.index);
  LoadedReplica loaded = reading.Take();
  loaded.restored.hard_state = extent.hard_state;
  loaded.restored.applied = applied.index;
  loaded.restored.first = extent.first;
  loaded.restored.last = extent.last;
  loaded.restored.configuration = initial;
  if (!applied.configuration.empty()) {
    KVD_ASSIGN_OR_RETURN(loaded.restored.configuration,
                         raft::DecodeConfiguration(applied.configuration));
  }
  if (term_in_log == applied.term) return loaded;
  if (!CameBySnapshot(applied)) return Contradiction(extent, applied);
  ResetTo(applied, extent, loaded);
  return loaded;
}

}  // namespace kvd::partition
