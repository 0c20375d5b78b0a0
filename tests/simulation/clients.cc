#include "tests/simulation/clients.h"

#include <fmt/format.h>

#include <utility>

namespace kvd::simulation {
namespace {

// More would make histories long to judge, without making them harder on the cluster.
constexpr size_t kMaxOperations = 600;

constexpr Duration kPatience = std::chrono::seconds(2);  // Beyond the budget.

node::Operation OperationOf(const Op& op) {
  switch (op.kind) {
    case OpKind::kPut:
      return {op.key, node::Put{op.value}};
    case OpKind::kGet:
      return {op.key, node::Get{}};
    case OpKind::kDelete:
      return {op.key, node::Delete{}};
  }
  return {};
}

}  // namespace

struct Clients::Asked {
  size_t op = 0;  // By position in the history.
  bool ended = false;
  World::Action then;
};

void Clients::Start() {
  for (uint32_t i = 0; i < around_.swarm.clients; ++i) ThinkAndAsk();
}

void Clients::ThinkAndAsk() {
  around_.world.After(around_.world.Between(Duration::zero(), around_.swarm.think_max), [this] {
    if (!stopped_ && history_.size() < kMaxOperations) AskSomething();
  });
}

void Clients::AskSomething() {
  Random& random = around_.world.random();
  const std::string key = KeyName(static_cast<uint32_t>(random.Below(around_.swarm.keys)));
  const uint64_t dice = random.Below(100);
  const OpKind kind = dice < 50 ? OpKind::kPut : dice < 90 ? OpKind::kGet : OpKind::kDelete;
  const Duration budget =
      around_.world.Between(std::chrono::milliseconds(5), around_.swarm.budget_max);
  Ask(*machines_[random.Below(machines_.size())], key, kind, budget, [this] { ThinkAndAsk(); });
}

void Clients::Ask(Machine& machine, const std::string& key, OpKind kind, Duration budget,
                  World::Action then) {
  Op op{.id = history_.size() + 1,
        .node = machine.name(),
        .key = key,
        .kind = kind,
        .began = around_.world.now()};
  if (kind == OpKind::kPut) {
    op.value = fmt::format("v{}.", op.id) + std::string(around_.world.random().Below(100), '.');
  }
  const auto asked = std::make_shared<Asked>(Asked{history_.size(), false, std::move(then)});
  around_.world.Trace("client", Describe(op));
  history_.push_back(op);
  ++waiting_;
  around_.world.After(around_.network.DrawDelay(),
                      [this, &machine, operation = OperationOf(op), budget, asked] {
                        Deliver(machine, operation, budget, asked);
                      });
  around_.world.After(budget + kPatience, [this, asked] { End(asked); });
}

void Clients::Deliver(Machine& machine, const node::Operation& operation, Duration budget,
                      const std::shared_ptr<Asked>& asked) {
  if (machine.process() == nullptr) {  // Connection refused: it was never asked.
    history_[asked->op].state = OpState::kRefused;
    last_refusal_ = machine.name() + " does not listen";
    return End(asked);
  }
  machine.process()->Call(operation, budget, [this, asked](std::optional<node::Answer> answer) {
    Network& network = around_.network;
    if (!network.is_calm() && around_.world.random().Chance(around_.swarm.lost_answer_ppm)) return;
    around_.world.After(network.DrawDelay(), [this, asked, answer = std::move(answer)] {
      if (answer && !asked->ended) Note(history_[asked->op], *answer);
      End(asked);
    });
  });
}

void Clients::Note(Op& op, const node::Answer& answer) {
  op.partition = answer.partition;
  if (const auto* refusal = std::get_if<Refusal>(&answer.result)) return NoteRefusal(op, *refusal);
  op.state = OpState::kDone;
  op.ended = around_.world.now();
  if (const auto* found = std::get_if<node::Found>(&answer.result)) {
    op.found = true;
    op.value = found->value;
    op.version = found->version;
  } else if (const auto* written = std::get_if<node::Written>(&answer.result)) {
    op.found = true;
    op.version = written->version;
  }
}

void Clients::NoteRefusal(Op& op, const Refusal& refusal) {
  last_refusal_ = refusal.message;
  if (refusal.reason == Reason::kDataDamaged || refusal.reason == Reason::kInternal) {
    around_.world.Fail(FailureKind::kWrong, Describe(op) + ": " + refusal.message);
  }
  if (refusal.reason != Reason::kOutcomeUnknown) op.state = OpState::kRefused;
}

void Clients::End(const std::shared_ptr<Asked>& asked) {
  if (std::exchange(asked->ended, true)) return;
  --waiting_;
  around_.world.Trace("client", Describe(history_[asked->op]));
  asked->then();
}

}  // namespace kvd::simulation
