#include "server/storage/merge.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace kvd::storage {
namespace {

void AppendEntries(GroupWrite& into, std::vector<Entry> entries) {
  if (entries.empty()) return;
  const Index from = entries.front().index;
  if (into.reset) KVD_CHECK_OP(>, from, into.reset->index);
  if (!into.entries.empty()) KVD_CHECK_OP(<=, from, into.entries.back().index + 1);
  std::erase_if(into.entries, [from](const Entry& entry) { return entry.index >= from; });
  if (into.entries.empty()) {
    into.entries = std::move(entries);
    return;
  }
  into.entries.insert(into.entries.end(), std::make_move_iterator(entries.begin()),
                      std::make_move_iterator(entries.end()));
}

}  // namespace

void Merge(GroupWrite& into, GroupWrite&& next) {
  KVD_CHECK_OP(==, into.group, next.group);
  if (next.remove) {
    const ReplicaId before = into.remove.value_or(ReplicaId{});
    into = {.group = next.group, .remove = std::max(before, *next.remove)};
  }
  if (next.create) into.create = std::move(next.create);
  if (next.hard_state) {
    if (into.hard_state) KVD_CHECK_OP(>=, next.hard_state->term, into.hard_state->term);
    into.hard_state = next.hard_state;
  }
  if (next.reset) {
    into.reset = next.reset;
    into.entries.clear();
  }
  AppendEntries(into, std::move(next.entries));
}

}  // namespace kvd::storage
