// What Node accepts at all: sizes, place, time; and how it says no.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/names.h"
#include "server/node/node.h"

namespace kvd::node {
namespace {

constexpr uint64_t kMaxBatchBytes = 4U << 20U;
constexpr size_t kMaxBatchItems = 1000;

std::string_view NotDone(bool is_write) {
  return is_write ? "not written" : "not read";
}

Refusal TooLarge(Reason reason, std::string_view what, uint64_t bytes, uint64_t limit) {
  return {.reason = reason,
          .message = fmt::format("{} is {}, the limit is {} (limits.max_{}_bytes)", what,
                                 FormatBytes(bytes), FormatBytes(limit), what),
          .metadata = {{"field", std::string(what)}, {"limit", fmt::to_string(limit)}}};
}

Refusal BadRequest(std::string_view field, std::string message) {
  return {.reason = Reason::kBadRequest,
          .message = std::move(message),
          .metadata = {{"field", std::string(field)}}};
}

std::string ForPeople(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? fmt::format("{} s", ms / 1000) : fmt::format("{} ms", ms);
}

uint64_t ValueBytes(const std::variant<Put, Delete>& action) {
  const auto* put = std::get_if<Put>(&action);
  return put != nullptr ? put->value.size() : 0;
}

std::optional<Refusal> RefuseKey(const std::string& key, const Limits& limits) {
  if (key.empty()) {
    return BadRequest("key", fmt::format("key is empty; a key has 1 byte to {}",
                                         FormatBytes(limits.max_key_bytes)));
  }
  if (key.size() <= limits.max_key_bytes) return std::nullopt;
  return TooLarge(Reason::kKeyTooLarge, "key", key.size(), limits.max_key_bytes);
}

std::optional<Refusal> RefuseValue(uint64_t bytes, const Limits& limits) {
  if (bytes <= limits.max_value_bytes) return std::nullopt;
  return TooLarge(Reason::kValueTooLarge, "value", bytes, limits.max_value_bytes);
}

std::optional<Refusal> RefuseBatch(const Operation& operation, const Batch& batch,
                                   const Limits& limits, uint32_t partitions) {
  if (batch.items.empty() || batch.items.size() > kMaxBatchItems) {
    return BadRequest("items", fmt::format("a batch has 1 to {} items, this one has {}",
                                           kMaxBatchItems, batch.items.size()));
  }
  if (operation.key != batch.items.front().key) {
    return BadRequest("key", "a batch goes by the key of its first item");
  }
  const PartitionId partition = PartitionOf(operation.key, partitions);
  std::set<std::string_view> keys;
  uint64_t bytes = 0;
  for (const BatchItem& item : batch.items) {
    if (auto refusal = RefuseKey(item.key, limits)) return refusal;
    if (auto refusal = RefuseValue(ValueBytes(item.action), limits)) return refusal;
    if (!keys.insert(item.key).second) {
      return BadRequest("items", fmt::format("key {} is twice in the batch", Quoted(item.key)));
    }
    if (PartitionOf(item.key, partitions) != partition) {
      return BadRequest("items",
                        fmt::format("keys {} and {} are in different partitions ({} and "
                                    "{}); a batch is atomic within one partition only",
                                    Quoted(operation.key), Quoted(item.key), partition.value,
                                    PartitionOf(item.key, partitions).value));
    }
    bytes += item.key.size() + ValueBytes(item.action);
  }
  if (bytes <= kMaxBatchBytes) return std::nullopt;
  return BadRequest("items", fmt::format("the batch is {}, the limit is {}", FormatBytes(bytes),
                                         FormatBytes(kMaxBatchBytes)));
}

// Names end up in the topology, which every node keeps.
std::optional<Refusal> RefuseName(std::string_view field, const std::string& text, size_t most) {
  if (text.size() <= most && IsUtf8(text)) return std::nullopt;
  return BadRequest(field, fmt::format("{} is not UTF-8 of at most {} bytes", field, most));
}

// A node that is to come would be waited for in vain.
std::optional<Refusal> RefuseNewcomer(std::string_view field, const std::string& name) {
  if (IsNodeName(name)) return std::nullopt;
  return BadRequest(field, fmt::format("{} is no name of a node: 1 to 63 of a-z, 0-9 and '-', not "
                                       "beginning with '-'",
                                       Quoted(name)));
}

struct RefuseNamesOf {
  static constexpr size_t kLongest = 63;

  std::optional<Refusal> operator()(const JoinNode& join) const {
    if (auto refusal = RefuseNewcomer("node", join.node)) return refusal;
    return RefuseName("zone", join.zone, kLongest);
  }
  std::optional<Refusal> operator()(const LeaveNode& leave) const {
    return RefuseName("node", leave.node, kLongest);
  }
  std::optional<Refusal> operator()(const RemoveNode& remove) const {
    return RefuseName("node", remove.node, kLongest);
  }
  std::optional<Refusal> operator()(const ReplaceNode& replace) const {
    if (auto refusal = RefuseName("node", replace.node, kLongest)) return refusal;
    if (auto refusal = RefuseNewcomer("by", replace.by)) return refusal;
    return RefuseName("zone", replace.zone, kLongest);
  }
  std::optional<Refusal> operator()(const Rebalance&) const { return std::nullopt; }
};

std::optional<Refusal> RefuseNames(const Administer& asked) {
  constexpr size_t kLongestAsker = 128;
  if (const auto* plan = std::get_if<PlanChange>(&asked.request)) {
    return std::visit(RefuseNamesOf{}, plan->change);
  }
  const auto* start = std::get_if<StartChange>(&asked.request);
  if (start == nullptr) return std::nullopt;
  if (auto refusal = RefuseName("asked_by", start->asked_by, kLongestAsker)) return refusal;
  return std::visit(RefuseNamesOf{}, start->change);
}

bool IsChange(const Operation& operation) {
  const auto* asked = std::get_if<Administer>(&operation.action);
  return asked != nullptr && (std::holds_alternative<StartChange>(asked->request) ||
                              std::holds_alternative<AbortJob>(asked->request));
}

}  // namespace

uint64_t SizeOf(const Operation& operation) {
  constexpr uint64_t kOverhead = 512;
  uint64_t bytes = kOverhead + operation.key.size();
  if (const auto* put = std::get_if<Put>(&operation.action)) bytes += put->value.size();
  if (const auto* batch = std::get_if<Batch>(&operation.action)) {
    for (const BatchItem& item : batch->items) {
      bytes += kOverhead + item.key.size() + ValueBytes(item.action);
    }
  }
  return bytes;
}

std::optional<Refusal> Node::Refuse(const Operation& operation) const {
  const std::string& self = options_.founding.self.name;
  if (!accepting_) {
    return Refusal{.reason = Reason::kNodeDraining,
                   .message = fmt::format("{} is stopping: ask another node", self),
                   .metadata = {{"node", self}}};
  }
  if (founding_.topology() == nullptr) {
    return Refusal{
        .reason = Reason::kNodeJoining,
        .message = fmt::format("{} does not serve yet: {}", self, founding_.WaitingFor()),
        .metadata = {{"node", self}}};
  }
  if (auto refusal = RefuseSizes(operation)) return refusal;
  // One alone is always let in: a shard's part of the limit may be less than the largest operation.
  const uint64_t most = options_.limits.max_inflight_bytes / options_.shard.count;
  const bool is_alone = requests_.bytes() == 0;
  if (is_alone || requests_.bytes() + SizeOf(operation) <= most) return std::nullopt;
  constexpr auto kRetryAfter = std::chrono::milliseconds(50);
  return Refusal{.reason = Reason::kOverloaded,
                 .message = fmt::format("{} is overloaded, {} of requests are underway "
                                        "(limits.max_inflight_bytes); try again in {} ms",
                                        self, FormatBytes(requests_.bytes()), kRetryAfter.count()),
                 .metadata = {{"node", self}},
                 .retry_after = kRetryAfter};
}

std::optional<Refusal> Node::RefuseSizes(const Operation& operation) const {
  const Limits& limits = options_.limits;
  if (const auto* asked = std::get_if<Administer>(&operation.action)) return RefuseNames(*asked);
  if (const auto* batch = std::get_if<Batch>(&operation.action)) {
    return RefuseBatch(operation, *batch, limits, founding_.topology()->partitions());
  }
  if (auto refusal = RefuseKey(operation.key, limits)) return refusal;
  const auto* put = std::get_if<Put>(&operation.action);
  return put == nullptr ? std::nullopt : RefuseValue(put->value.size(), limits);
}

std::optional<Refusal> Node::RefuseForward(NodeId peer, const Forward& forward) const {
  if (auto refusal = Refuse(forward.operation)) return refusal;
  if (forward.partition == PartitionFor(forward.operation)) return std::nullopt;
  return BadRequest(
      "partition", fmt::format("{} forwarded a key under partition {}, to which it does not belong",
                               NameOf(peer), forward.partition.value));
}

// REQUIRES: founded.
PartitionId Node::PartitionFor(const Operation& operation) const {
  if (operation.kind() == OperationKind::kAdminister) return topology::kSystemPartition;
  return PartitionOf(operation.key, founding_.topology()->partitions());
}

Refusal Node::NotOwner(PartitionId partition) const {
  Refusal refusal{.reason = Reason::kNotOwner,
                  .message = fmt::format("{} does not own partition {}",
                                         options_.founding.self.name, partition.value),
                  .metadata = {{"partition", fmt::to_string(partition.value)}}};
  const auto hint = HintFor(partition);
  const topology::Member* owner = hint ? founding_.topology()->Find(hint->node) : nullptr;
  if (owner == nullptr) {
    refusal.message += ", and nobody is known to; try again";
    return refusal;
  }
  refusal.message += fmt::format("; {} does", owner->card.name);
  refusal.metadata["owner"] = owner->card.name;
  refusal.metadata["owner_address"] = owner->card.address;
  refusal.metadata["term"] = fmt::to_string(hint->term);
  return refusal;
}

Refusal Node::NoMajority(PartitionId partition, bool is_write) const {
  const auto& replicas = WishFor(partition);
  std::string down;
  size_t up = 0;
  for (const topology::Replica& replica : replicas) {
    if (replica.node == self_ || IsReachable(replica.node)) {
      ++up;
      continue;
    }
    down += fmt::format("{}{}: {}", down.empty() ? "" : "; ", NameOf(replica.node),
                        peers_->WhyUnreachable(replica.node));
  }
  const bool majority = up * 2 > replicas.size();
  const bool is_system = partition == topology::kSystemPartition;
  const std::string who =
      is_system ? "the system group" : fmt::format("partition {}", partition.value);
  std::string message =
      majority ? fmt::format("{} has no {} at the moment, {} of {} replicas are up", who,
                             is_system ? "leader" : "owner", up, replicas.size())
               : fmt::format("{} has no majority: {} of {} replicas up", who, up, replicas.size());
  if (!down.empty()) message += fmt::format(" ({})", down);
  message += fmt::format("; {}", is_system ? "nothing can be changed" : NotDone(is_write));
  Refusal refusal{.reason = Reason::kNoMajority, .message = std::move(message)};
  refusal.metadata["epoch"] = fmt::to_string(founding_.topology()->epoch.value);
  if (!is_system) refusal.metadata["partition"] = fmt::to_string(partition.value);
  return refusal;
}

Refusal Node::Unknown(const Request& request, std::string_view what) const {
  Refusal refusal{.reason = Reason::kOutcomeUnknown,
                  .message = fmt::format("{}; the write may or may not be applied", what),
                  .metadata = {{"partition", fmt::to_string(request.partition.value)}}};
  if (request.owner.value != 0) refusal.metadata["owner"] = NameOf(request.owner);
  return refusal;
}

Refusal Node::DoesNotFit(const Request& request, const std::string& peer) const {
  const std::string what = peer + " sent an answer that does not fit";
  if (request.is_write()) return Unknown(request, what);
  return {.reason = Reason::kInternal,
          .message = fmt::format("{}; {}", what, NotDone(false)),
          .metadata = {{"partition", fmt::to_string(request.partition.value)}}};
}

Refusal Node::GaveUp(const Request& request) const {
  const bool tried = request.stage == Stage::kForwarded || request.stage == Stage::kLog;
  const bool asked = request.tries > 0 || request.stage == Stage::kReading;
  if (IsChange(request.operation) && asked) {
    return {.reason = Reason::kOutcomeUnknown,
            .message = fmt::format("no answer from the leader of the system group within {}; ask "
                                   "again, nothing is begun twice",
                                   ForPeople(request.budget))};
  }
  if (request.is_write() && (tried || request.maybe_applied)) {
    return Unknown(request, fmt::format("no answer from {} within {}", NameOf(request.owner),
                                        ForPeople(request.budget)));
  }
  return NoMajority(request.partition, request.is_write());
}

}  // namespace kvd::node
