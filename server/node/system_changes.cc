// What the leader of the system group answers operators: plans, jobs, and changes that it decides.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "server/node/admin_view.h"
#include "server/node/system_group.h"
#include "server/topology/progress.h"

namespace kvd::node {
namespace {

using topology::Topology;

// What is asked for again and again is awaited; a little longer than that, if nobody asks.
constexpr Duration kAwaited = std::chrono::minutes(10);

// Reports that were asked for are there after so long.
constexpr Duration kForReports = std::chrono::milliseconds(100);

Refusal NotFound(std::string_view field, std::string value, std::string message) {
  return {.reason = Reason::kNotFound,
          .message = std::move(message),
          .metadata = {{std::string(field), std::move(value)}}};
}

Refusal NoSuchNode(const std::string& name, const Topology& topology) {
  return NotFound(
      "node", name,
      fmt::format("{} is no member of cluster {}", Quoted(name), topology.cluster_name));
}

Refusal NoSuchJob(topology::JobId job) {
  return NotFound("job", fmt::to_string(job.value), fmt::format("there is no job {}", job.value));
}

Refusal NoSuchPartition(PartitionId partition) {
  return NotFound("partition", fmt::to_string(partition.value),
                  fmt::format("there is no partition {}", partition.value));
}

// Of a node that has not called in: good for a plan, and never decided about.
topology::NodeCard Imagine(const std::string& name, const std::string& zone) {
  std::string bytes;
  for (const uint64_t part : {Hash64(name), Hash64(name + "'")}) {
    for (uint32_t i = 0; i < 8; ++i) bytes += static_cast<char>((part >> (8 * i)) & 0xFFU);
  }
  return {.name = name,
          .uuid = *Uuid::FromBytes(bytes),
          .address = {},
          .peer_address = "unknown",
          .zone = zone};
}

// The node that has to call in before the change can begin; nullptr: none.
const std::string* Newcomer(const Change& change) {
  if (const auto* join = std::get_if<JoinNode>(&change)) return &join->node;
  if (const auto* replace = std::get_if<ReplaceNode>(&change)) return &replace->by;
  return nullptr;
}

// The job that runs already and does what is asked: an arrival under way. Departures are told by
// topology::Decide().
const topology::Job* FindArrival(const Change& change, const Topology& topology) {
  const std::string* name = Newcomer(change);
  const topology::Member* member = name != nullptr ? topology.FindName(*name) : nullptr;
  const topology::Job* job = member != nullptr ? topology.FindJobOf(member->id) : nullptr;
  if (job == nullptr || member->state != topology::MemberState::kJoining) return nullptr;
  const auto* replace = std::get_if<ReplaceNode>(&change);
  if (replace == nullptr) return job;
  const topology::Member* old = topology.FindName(replace->node);
  return old != nullptr && job->Concerns(old->id) ? job : nullptr;
}

using Wanted = std::variant<topology::Command, Refusal>;

// The change as a command on `topology`.
struct ToCommand {
  const Topology& topology;
  const std::set<NodeId>& silent;
  const std::string& asked_by;

  Wanted operator()(const JoinNode& join) const {
    return topology::AddMembers{.cards = {Imagine(join.node, join.zone)}, .asked_by = asked_by};
  }
  Wanted operator()(const LeaveNode& leave) const {
    const topology::Member* member = topology.FindName(leave.node);
    if (member == nullptr) return NoSuchNode(leave.node, topology);
    return topology::StartLeave{member->id, leave.accept_fewer_copies, asked_by};
  }
  Wanted operator()(const RemoveNode& remove) const {
    const topology::Member* member = topology.FindName(remove.node);
    if (member == nullptr) return NoSuchNode(remove.node, topology);
    if (!silent.contains(member->id) && topology.FindJobOf(member->id) == nullptr) {
      return Refusal{.reason = Reason::kUnsafeChange,
                     .message = fmt::format("{} is up: let it leave, so that it hands over what it "
                                            "has, or stop it first",
                                            remove.node),
                     .metadata = {{"node", remove.node}}};
    }
    return topology::StartRemove{member->id, remove.accept_fewer_copies, asked_by};
  }
  Wanted operator()(const ReplaceNode& replace) const {
    const topology::Member* old = topology.FindName(replace.node);
    if (old == nullptr) return NoSuchNode(replace.node, topology);
    return topology::StartReplace{old->id, Imagine(replace.by, replace.zone), asked_by};
  }
  Wanted operator()(const Rebalance&) const {
    return topology::StartRebalance{.asked_by = asked_by};
  }
};

}  // namespace

// Plans count bytes, and groups are shown as they are now: they report first.
void SystemGroup::OnAsked(Ticket ticket, Administer asked, Instant now) {
  KVD_CHECK(term_, "operators are answered by whoever leads");
  Ask ask{.ticket = ticket, .asked = std::move(asked), .due = now};
  if (std::holds_alternative<PlanChange>(ask.asked.request) ||
      std::holds_alternative<ListGroups>(ask.asked.request)) {
    effects_.poll = term_;
    ask.due += kForReports;
  }
  asks_.push_back(std::move(ask));
}

// Nobody else may have decided it: whoever leads next is asked again.
void SystemGroup::SendAway() {
  if (deciding_) asks_.push_back(std::move(deciding_->ask));
  deciding_.reset();
  for (const Ask& ask : std::exchange(asks_, {})) {
    effects_.told.emplace_back(ask.ticket, std::nullopt);
  }
}

// One after the other; true if one of them changes something, and has to wait for the disk.
bool SystemGroup::AnswerAsks(const std::set<NodeId>& silent, Instant now) {
  while (!asks_.empty() && asks_.front().due <= now) {
    Ask ask = std::move(asks_.front());
    asks_.pop_front();
    auto result = Answer(ask.asked, silent, now);
    if (!result) {
      const topology::JobId job = DecidedJob(ask.asked);
      deciding_ = Deciding{.ask = std::move(ask), .job = job};
      return true;
    }
    effects_.told.emplace_back(ask.ticket, *std::move(result));
  }
  return false;
}

// nullopt: once what it decided is written.
std::optional<Result> SystemGroup::Answer(const Administer& asked, const std::set<NodeId>& silent,
                                          Instant now) {
  if (const auto* list = std::get_if<ListJobs>(&asked.request)) return List(*list, now);
  if (const auto* list = std::get_if<ListGroups>(&asked.request)) return List(*list);
  if (version_ == 0) {
    const std::string why = WhyNothingIsDecided(silent);
    return Refusal{.reason = Reason::kUnsafeChange,
                   .message = why.empty() ? "the cluster is being founded; try again" : why};
  }
  if (const auto* plan = std::get_if<PlanChange>(&asked.request)) {
    return MakePlan(plan->change, silent);
  }
  if (const auto* abort = std::get_if<AbortJob>(&asked.request)) return Abort(*abort, now);
  return Start(std::get<StartChange>(asked.request), silent, now);
}

Result SystemGroup::List(const ListJobs& list, Instant now) {
  Jobs jobs;
  if (list.job) {
    const topology::Job* job = topology_->FindJob(*list.job);
    if (job == nullptr) return NoSuchJob(*list.job);
    jobs.jobs.push_back(View(*job, now));
    return jobs;
  }
  for (const topology::Job& job : topology_->jobs) jobs.jobs.push_back(View(job, now));
  ForgetAwaited(now);
  for (const auto& [name, awaited] : awaited_) jobs.jobs.push_back(View(awaited));
  return jobs;
}

Result SystemGroup::List(const ListGroups& list) const {
  Groups groups;
  if (list.partition) {
    if (list.partition->value >= topology_->partitions()) return NoSuchPartition(*list.partition);
    groups.groups.push_back(View(*list.partition));
    return groups;
  }
  for (uint32_t p = 0; p < topology_->partitions(); ++p) {
    if (pass_.obstacles.contains(PartitionId{p})) groups.groups.push_back(View(PartitionId{p}));
  }
  return groups;
}

GroupView SystemGroup::View(PartitionId partition) const {
  const auto obstacle = pass_.obstacles.find(partition);
  return ViewOf(partition, *topology_, reports_->Of(partition),
                obstacle != pass_.obstacles.end() ? std::optional(obstacle->second) : std::nullopt);
}

Result SystemGroup::MakePlan(const Change& change, const std::set<NodeId>& silent) const {
  const auto wanted = std::visit(ToCommand{*topology_, silent, ""}, change);
  if (const auto* refusal = std::get_if<Refusal>(&wanted)) return *refusal;
  const auto& command = std::get<topology::Command>(wanted);
  const auto decision = topology::Decide(*topology_, topology_->epoch.value + 1, command);
  const auto* no = std::get_if<topology::Rejection>(&decision);
  if (no != nullptr && no->why != topology::Rejection::Why::kNothingToDo) {
    return topology::Explain(*no, *topology_);
  }
  const auto* next = std::get_if<Topology>(&decision);
  const Topology& after = next != nullptr ? *next : *topology_;  // Nothing to do: nothing moves.
  return ViewOf(topology::MakePlan(*topology_, after, Sizes()), *topology_, after,
                options_.bytes_per_second);
}

std::optional<Result> SystemGroup::Start(const StartChange& start, const std::set<NodeId>& silent,
                                         Instant now) {
  if (const topology::Job* job = FindArrival(start.change, *topology_)) return OnlyJob(*job, now);
  const auto wanted = std::visit(ToCommand{*topology_, silent, start.asked_by}, start.change);
  if (const auto* refusal = std::get_if<Refusal>(&wanted)) return *refusal;
  const auto& command = std::get<topology::Command>(wanted);
  auto decision = topology::Decide(*topology_, topology_->epoch.value + 1, command);
  if (const auto* no = std::get_if<topology::Rejection>(&decision)) {
    if (no->why == topology::Rejection::Why::kUnderWay) {
      return OnlyJob(*topology_->FindJob(*no->job), now);
    }
    return topology::Explain(*no, *topology_);
  }
  if (const std::string* name = Newcomer(start.change)) {
    const Awaited& awaited = awaited_.insert_or_assign(*name, Awaited{start, now}).first->second;
    return Jobs{.jobs = {View(awaited)}};
  }
  Propose(std::get<Topology>(std::move(decision)));
  return std::nullopt;
}

std::optional<Result> SystemGroup::Abort(const AbortJob& abort, Instant now) {
  if (topology_->FindJob(abort.job) == nullptr) return NoSuchJob(abort.job);
  auto decision =
      topology::Decide(*topology_, topology_->epoch.value + 1, topology::AbortJob{abort.job});
  if (const auto* no = std::get_if<topology::Rejection>(&decision)) {
    if (no->why == topology::Rejection::Why::kUnderWay) {
      return OnlyJob(*topology_->FindJob(abort.job), now);
    }
    return topology::Explain(*no, *topology_);
  }
  Propose(std::get<Topology>(std::move(decision)));
  return std::nullopt;
}

// Of the change that is being written.
topology::JobId SystemGroup::DecidedJob(const Administer& asked) const {
  if (const auto* abort = std::get_if<AbortJob>(&asked.request)) return abort->job;
  return topology_->next_job;
}

void SystemGroup::AnswerDecided(Instant now) {
  if (!deciding_) return;
  const Deciding decided = *std::exchange(deciding_, std::nullopt);
  effects_.told.emplace_back(decided.ask.ticket, OnlyJob(*topology_->FindJob(decided.job), now));
}

// A stranger that an operator wants in the place of another.
std::optional<topology::StartReplace> SystemGroup::ReplacementBy(
    const topology::NodeCard& card) const {
  const auto awaited = awaited_.find(card.name);
  if (awaited == awaited_.end()) return std::nullopt;
  const StartChange& start = awaited->second.start;
  const auto* replace = std::get_if<ReplaceNode>(&start.change);
  const topology::Member* old = replace != nullptr ? topology_->FindName(replace->node) : nullptr;
  if (old == nullptr) return std::nullopt;
  return topology::StartReplace{.old = old->id, .card = card, .asked_by = start.asked_by};
}

void SystemGroup::ForgetAwaited(Instant now) {
  std::erase_if(awaited_, [&](const auto& each) {
    return topology_->FindName(each.first) != nullptr || now >= each.second.since + kAwaited;
  });
}

void SystemGroup::WatchJobs(Instant now) {
  watch_.Retain(*topology_);
  for (const topology::Job& job : topology_->jobs) {
    if (job.HasEnded()) continue;
    watch_.Look(job.id, topology::ProgressOf(job, *topology_, *reports_, pass_).bytes_left, now);
  }
}

JobView SystemGroup::View(const topology::Job& job, Instant now) const {
  std::optional<topology::JobProgress> progress;
  if (!job.HasEnded()) progress = topology::ProgressOf(job, *topology_, *reports_, pass_);
  return ViewOf(job, *topology_, progress, watch_.PaceOf(job.id, now));
}

JobView SystemGroup::View(const Awaited& awaited) {
  const Change& change = awaited.start.change;
  JobView view{.kind = topology::JobKind::kJoin,
               .stage = JobStage::kWaiting,
               .asked_by = awaited.start.asked_by};
  if (const auto* replace = std::get_if<ReplaceNode>(&change)) {
    view.kind = topology::JobKind::kReplace;
    view.nodes.push_back(replace->node);
  }
  view.nodes.push_back(*Newcomer(change));
  view.reason = fmt::format("{} has not called in", view.nodes.back());
  return view;
}

Result SystemGroup::OnlyJob(const topology::Job& job, Instant now) const {
  return Jobs{.jobs = {View(job, now)}};
}

}  // namespace kvd::node
