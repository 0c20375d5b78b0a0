#include "tests/simulation/clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/hash.h"

namespace kvd::simulation {
namespace {

// More would make histories long to judge, without making them harder on the cluster.
constexpr size_t kMaxOperations = 600;

constexpr Duration kPatience = std::chrono::seconds(2);  // Beyond the budget.
constexpr Duration kTryAgainMax = std::chrono::milliseconds(200);
constexpr uint32_t kMaxTries = 4;  // Of clients that give up.

// What one action on one key is in the history.
Op OpOf(const std::string& key, const node::Put& put) {
  return {.key = key, .kind = OpKind::kPut, .value = put.value, .if_version = put.if_version};
}
Op OpOf(const std::string& key, const node::Delete& del) {
  return {.key = key, .kind = OpKind::kDelete, .if_version = del.if_version};
}
Op OpOf(const std::string& key, const node::Get& get) {
  return {.key = key, .kind = OpKind::kGet, .stale = get.stale};
}
Op OpOf(const std::string& key, const node::Increment& increment) {
  return {.key = key, .kind = OpKind::kIncrement, .by = increment.by};
}

std::vector<Op> OpsOf(const node::Operation& operation) {
  std::vector<Op> ops;
  if (const auto* batch = std::get_if<node::Batch>(&operation.action)) {
    for (const node::BatchItem& item : batch->items) {
      std::visit([&](const auto& each) { ops.push_back(OpOf(item.key, each)); }, item.action);
      ops.back().in_batch = true;
    }
    return ops;
  }
  std::visit(
      [&](const auto& action) {
        if constexpr (requires { OpOf(operation.key, action); }) {
          ops.push_back(OpOf(operation.key, action));
        }
      },
      operation.action);
  return ops;
}

}  // namespace

struct Clients::Client {
  uint64_t id = 0;
  uint64_t sequence = 0;
  std::map<PartitionId, Index> known;       // For `base`.
  std::map<std::string, Version> versions;  // Last seen, for conditions.
};

struct Clients::Asked {
  node::Operation operation;
  PartitionId partition;
  Duration budget{};
  Client* client = nullptr;
  World::Action then = [] {};
  size_t first = 0;  // Its operations, by position in the history.
  size_t count = 0;
  bool persistent = false;
  uint32_t attempt = 0;
  bool maybe_applied = false;
  bool ended = false;
  std::optional<Index> arrival = {};  // What was committed when it first arrived.
};

Clients::Clients(const Surroundings& around, Machines& machines)
    : around_(around), machines_(machines) {
  NameKeys();
  for (uint32_t i = 0; i < around_.swarm.clients; ++i) {
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->id = around_.world.random().Next();
  }
}

Clients::~Clients() = default;

void Clients::NameKeys() {
  const uint32_t partitions = around_.swarm.partitions;
  const uint32_t counted = around_.swarm.keys / 3 + 1;
  for (uint32_t i = 0; i < around_.swarm.keys; ++i) {
    std::string key = fmt::format("k{}", i);
    std::string sibling;
    for (uint32_t j = 0; sibling.empty(); ++j) {
      std::string candidate = fmt::format("{}.{}", key, j);
      if (PartitionOf(candidate, partitions) == PartitionOf(key, partitions)) sibling = candidate;
    }
    siblings_[key] = sibling;
    siblings_[sibling] = key;
    registers_.push_back(std::move(key));
    registers_.push_back(std::move(sibling));
  }
  for (uint32_t i = 0; i < counted; ++i) counters_.push_back(fmt::format("c{}", i));
}

Machine& Clients::AnyMachine() {
  return *machines_[around_.world.random().Below(machines_.size())];
}

void Clients::Start() {
  for (const auto& client : clients_) ThinkAndAsk(*client);
}

void Clients::ThinkAndAsk(Client& client) {
  around_.world.After(around_.world.Between(Duration::zero(), around_.swarm.think_max),
                      [this, &client] {
                        if (!stopped_ && last_id_ < kMaxOperations) AskSomething(client);
                      });
}

std::string Clients::NewValue() {
  return fmt::format("v{}-{}.", last_id_ + 1, around_.world.random().Below(1'000'000)) +
         std::string(around_.world.random().Below(100), '.');
}

node::Operation Clients::DrawBatch(const std::string& key) {
  Random& random = around_.world.random();
  node::Batch batch;
  for (const std::string& each : {key, siblings_.at(key)}) {
    if (random.Chance(750'000)) {
      batch.items.push_back({each, node::Put{NewValue()}});
    } else {
      batch.items.push_back({each, node::Delete{}});
    }
  }
  return {key, std::move(batch)};
}

node::Operation Clients::DrawConditional(const Client& client, const std::string& key) {
  Random& random = around_.world.random();
  const auto seen = client.versions.find(key);
  const Version version = seen == client.versions.end() ? 0 : seen->second;
  if (version != 0 && random.Chance(300'000)) return {key, node::Delete{version}};
  return {key, node::Put{NewValue(), version}};
}

node::Operation Clients::DrawOperation(Client& client) {
  Random& random = around_.world.random();
  const bool stale = random.Chance(around_.swarm.stale_ppm);
  if (random.Chance(300'000)) {
    const std::string& key = counters_[random.Below(counters_.size())];
    if (random.Chance(250'000)) return {key, node::Get{.stale = stale}};
    return {key, node::Increment{static_cast<int64_t>(random.Between(1, 9))}};
  }
  const std::string& key = registers_[random.Below(registers_.size())];
  const uint64_t dice = random.Below(100);
  if (dice < 35) return {key, node::Get{.stale = stale}};
  if (dice < 60) return {key, node::Put{NewValue()}};
  if (dice < 80) return DrawConditional(client, key);
  if (dice < 90) return DrawBatch(key);
  return {key, node::Delete{}};
}

void Clients::Name(Client& client, node::Operation& operation) {
  const PartitionId partition = PartitionOf(operation.key, around_.swarm.partitions);
  ++client.sequence;
  operation.request_id = node::RequestId{.client = client.id,
                                         .sequence = client.sequence,
                                         .done_below = client.sequence,
                                         .base = client.known[partition]};
}

void Clients::AskSomething(Client& client) {
  World& world = around_.world;
  const auto asked = std::make_shared<Asked>();
  asked->operation = DrawOperation(client);
  asked->client = &client;
  asked->then = [this, &client] { ThinkAndAsk(client); };
  asked->budget = world.Between(std::chrono::milliseconds(5), around_.swarm.budget_max);
  if (asked->operation.is_write() && world.random().Chance(around_.swarm.named_ppm)) {
    Name(client, asked->operation);
    asked->persistent = world.random().Chance(around_.swarm.persistent_ppm);
  }
  Begin(asked, AnyMachine());
}

void Clients::Ask(Machine& machine, const std::string& key, OpKind kind, Duration budget) {
  const auto asked = std::make_shared<Asked>();
  asked->operation.key = key;
  if (kind == OpKind::kPut) asked->operation.action = node::Put{NewValue()};
  if (kind == OpKind::kIncrement) asked->operation.action = node::Increment{1};
  asked->budget = budget;
  Begin(asked, machine);
}

void Clients::Begin(const AskedPtr& asked, Machine& machine) {
  asked->partition = PartitionOf(asked->operation.key, around_.swarm.partitions);
  asked->first = history_.size();
  ++last_id_;
  for (Op& op : OpsOf(asked->operation)) {
    op.id = last_id_;
    op.node = machine.name();
    op.began = around_.world.now();
    around_.world.Trace("client", Describe(op));
    history_.push_back(std::move(op));
  }
  asked->count = history_.size() - asked->first;
  ++waiting_;
  Try(asked, machine);
}

void Clients::Try(const AskedPtr& asked, Machine& machine) {
  const uint32_t attempt = ++asked->attempt;
  around_.world.After(around_.network.DrawDelay(),
                      [this, &machine, asked, attempt] { Deliver(machine, asked, attempt); });
  around_.world.After(asked->budget + kPatience, [this, asked, attempt] { Lost(asked, attempt); });
}

void Clients::Deliver(Machine& machine, const AskedPtr& asked, uint32_t attempt) {
  if (asked->ended || asked->attempt != attempt) return;
  if (machine.process() == nullptr) {  // Connection refused: it was never asked.
    last_refusal_ = machine.name() + " does not listen";
    return Refused(asked, attempt, false);
  }
  if (!asked->arrival) asked->arrival = around_.truth.committed(asked->partition);
  machine.process()->Call(
      asked->operation, asked->budget, [this, asked, attempt](std::optional<node::Answer> answer) {
        if (answer) around_.truth.Answered(asked->operation, *asked->arrival, *answer);
        Network& network = around_.network;
        if (!network.is_calm() && around_.world.random().Chance(around_.swarm.lost_answer_ppm)) {
          return;
        }
        around_.world.After(network.DrawDelay(),
                            [this, asked, attempt, answer] { Answered(asked, attempt, answer); });
      });
}

void Clients::Answered(const AskedPtr& asked, uint32_t attempt,
                       const std::optional<node::Answer>& answer) {
  if (asked->ended || asked->attempt != attempt) return;
  if (!answer) return Lost(asked, attempt);
  const auto* refusal = std::get_if<Refusal>(&answer->result);
  if (refusal == nullptr) {
    NoteResult(*asked, *answer);
    return End(asked);
  }
  last_refusal_ = refusal->message;
  const bool absurd =
      refusal->reason == Reason::kDataDamaged || refusal->reason == Reason::kInternal ||
      refusal->reason == Reason::kStaleRequest || refusal->reason == Reason::kBaseTooOld ||
      refusal->reason == Reason::kBadRequest;
  if (absurd) {
    around_.world.Fail(FailureKind::kWrong,
                       Describe(history_[asked->first]) + ": " + refusal->message);
  }
  Refused(asked, attempt, refusal->reason == Reason::kOutcomeUnknown);
}

void Clients::NoteResult(Asked& asked, const node::Answer& answer) {
  for (size_t i = asked.first; i < asked.first + asked.count; ++i) {
    Op& op = history_[i];
    op.partition = answer.partition;
    op.state = OpState::kDone;
    op.ended = around_.world.now();
    if (const auto* found = std::get_if<node::Found>(&answer.result)) {
      op.found = true;
      op.value = found->value;
      op.version = found->version;
      op.number = std::strtoll(found->value.c_str(), nullptr, 10);
    } else if (const auto* written = std::get_if<node::Written>(&answer.result)) {
      op.found = true;
      op.version = written->version;
    } else if (const auto* incremented = std::get_if<node::Incremented>(&answer.result)) {
      op.number = incremented->value;
      op.version = incremented->version;
    } else if (const auto* mismatch = std::get_if<node::Mismatch>(&answer.result)) {
      op.mismatch = true;
      op.version = mismatch->actual;
    }
    if (asked.client == nullptr) continue;
    asked.client->versions[op.key] =
        op.kind == OpKind::kDelete && !op.mismatch ? 0 : op.version.value_or(0);
    Index& known = asked.client->known[op.partition];
    known = std::max(known, op.version.value_or(0));
  }
}

// No answer: it may have been applied.
void Clients::Lost(const AskedPtr& asked, uint32_t attempt) {
  Refused(asked, attempt, true);
}

void Clients::Refused(const AskedPtr& asked, uint32_t attempt, bool maybe_applied) {
  if (asked->ended || asked->attempt != attempt) return;
  asked->maybe_applied = asked->maybe_applied || maybe_applied;
  const bool named = asked->operation.request_id.has_value();
  const bool again = named && (asked->persistent || asked->attempt < kMaxTries);
  // Whoever was refused for certain may as well leave it at that.
  if (again && (asked->maybe_applied || around_.world.random().Chance(500'000))) {
    const uint32_t next = ++asked->attempt;
    around_.world.After(around_.world.Between(Duration::zero(), kTryAgainMax), [this, asked, next] {
      if (!asked->ended && asked->attempt == next) Try(asked, AnyMachine());
    });
    return;
  }
  for (size_t i = asked->first; i < asked->first + asked->count; ++i) {
    history_[i].state = asked->maybe_applied ? OpState::kOpen : OpState::kRefused;
  }
  End(asked);
}

void Clients::End(const AskedPtr& asked) {
  if (std::exchange(asked->ended, true)) return;
  --waiting_;
  for (size_t i = asked->first; i < asked->first + asked->count; ++i) {
    around_.world.Trace("client", Describe(history_[i]));
  }
  asked->then();
}

}  // namespace kvd::simulation
