#include "server/node/admin_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace kvd::node {
namespace {

using topology::Topology;

// Of a node that may have joined, or gone, in between.
std::string NameIn(const Topology& topology, NodeId node) {
  if (const topology::Member* member = topology.Find(node)) return member->card.name;
  const auto removed = std::ranges::find(topology.removed, node, &topology::Removed::id);
  return removed != topology.removed.end() ? removed->name : fmt::format("node {}", node.value);
}

uint32_t Thousandths(const ring::Ratio& ratio) {
  const uint64_t whole = std::max<uint64_t>(ratio.denominator, 1);
  return static_cast<uint32_t>((ratio.numerator * 1000 + whole - 1) / whole);
}

PlanView::Failure ViewOf(const topology::Exposure& exposure, const Topology& topology) {
  PlanView::Failure view{.name = {}, .lost = exposure.lost, .stopped = exposure.stopped};
  if (const auto* zone = std::get_if<topology::Zone>(&exposure.failure)) {
    view.name = zone->name;
    view.is_zone = true;
  } else {
    view.name = NameIn(topology, std::get<NodeId>(exposure.failure));
  }
  return view;
}

PlanView::Side ViewOf(const Topology& topology, const std::map<NodeId, ring::Load>& loads,
                      const topology::Balance& balance,
                      const std::vector<topology::Exposure>& exposures) {
  PlanView::Side side{.fullest = Thousandths(balance.replicas), .copies = topology.copies};
  for (const topology::Member& member : topology.members) {
    if (!member.TakesCopies()) continue;
    const auto load = loads.find(member.id);
    PlanView::Share& share = side.shares.emplace_back();
    share.node = member.card.name;
    share.zone = member.card.zone;
    if (load == loads.end()) continue;
    share.replicas = load->second.replicas;
    share.owned = load->second.owned;
  }
  std::ranges::sort(side.shares, {}, &PlanView::Share::node);
  for (const topology::Exposure& exposure : exposures) {
    side.failures.push_back(ViewOf(exposure, topology));
  }
  return side;
}

Duration TimeFor(const topology::Plan& plan, uint64_t bytes_per_second) {
  constexpr uint64_t kLongestSeconds = uint64_t{365} * 24 * 3600;
  uint64_t most = 0;
  for (const auto& [node, bytes] : plan.bytes_to_take) most = std::max(most, bytes);
  const uint64_t rate = std::max<uint64_t>(bytes_per_second, 1);
  return std::chrono::seconds(std::min(most / rate + (most % rate != 0 ? 1 : 0), kLongestSeconds));
}

using Copy = GroupView::Copy;

// By node: a wiped one and its next self have one name.
std::map<NodeId, Copy> CopiesIn(const topology::GroupReport& report, const Topology& topology) {
  const auto& learners = report.configuration.learners;
  std::map<NodeId, Copy> copies;
  for (const raft::Member& member : report.configuration.All()) {
    const bool learns = std::ranges::find(learners, member) != learners.end();
    const topology::MemberProgress* progress = report.Find(member.id);
    copies.insert_or_assign(member.node,
                            Copy{.node = NameIn(topology, member.node),
                                 .role = learns ? CopyRole::kLearner : CopyRole::kVoter,
                                 .active = report.IsActive(member.id),
                                 .behind = progress != nullptr ? progress->behind : 0});
  }
  return copies;
}

JobStage StageOf(const topology::Job& job, bool is_stuck) {
  switch (job.state) {
    case topology::JobState::kRunning:
      return is_stuck ? JobStage::kWaiting : JobStage::kRunning;
    case topology::JobState::kAborting:
      return JobStage::kAborting;
    case topology::JobState::kDone:
      return JobStage::kDone;
    case topology::JobState::kAborted:
      return JobStage::kAborted;
  }
  return JobStage::kRunning;
}

}  // namespace

PlanView ViewOf(const topology::Plan& plan, const Topology& before, const Topology& after,
                uint64_t bytes_per_second) {
  PlanView view{
      .copies = plan.copies,
      .minimum_copies = plan.minimum_copies,
      .bytes = plan.bytes,
      .time = TimeFor(plan, bytes_per_second),
      .before = ViewOf(before, plan.loads_before, plan.balance_before, plan.exposures_before),
      .after = ViewOf(after, plan.loads_after, plan.balance_after, plan.exposures_after),
  };
  for (const topology::Transfer& transfer : plan.transfers) {
    view.transfers.push_back({.from = transfer.from ? NameIn(after, *transfer.from) : "",
                              .to = NameIn(after, transfer.to),
                              .copies = transfer.copies,
                              .bytes = transfer.bytes});
  }
  std::ranges::sort(view.transfers, {}, [](const PlanView::Transfer& transfer) {
    return std::pair(transfer.from, transfer.to);
  });
  return view;
}

GroupView ViewOf(PartitionId partition, const Topology& topology,
                 const topology::GroupReport* report,
                 const std::optional<topology::Obstacle>& obstacle) {
  GroupView view{.partition = partition};
  std::map<NodeId, Copy> there;
  if (report != nullptr) {
    view.owner = NameIn(topology, report->leader.node);
    view.bytes = report->bytes;
    view.keys = report->keys;
    there = CopiesIn(*report, topology);
  }
  if (obstacle) view.reason = Describe({partition, *obstacle}, topology);
  for (const topology::Replica& wished : topology.ring[partition.value]) {
    auto found = there.extract(wished.node);
    Copy copy = found ? std::move(found.mapped())
                      : Copy{.node = NameIn(topology, wished.node), .role = CopyRole::kMissing};
    copy.wished = true;
    view.copies.push_back(std::move(copy));
  }
  for (auto& [node, copy] : there) view.copies.push_back(std::move(copy));
  return view;
}

JobView ViewOf(const topology::Job& job, const Topology& topology,
               const std::optional<topology::JobProgress>& progress, const JobWatch::Pace& pace) {
  JobView view{.id = job.id,
               .kind = job.kind,
               .asked_by = job.asked_by,
               .copies = job.copies_to_add,
               .bytes_per_second = pace.bytes_per_second,
               .age = pace.age};
  for (const NodeId node : job.nodes) view.nodes.push_back(NameIn(topology, node));
  if (progress) {
    view.copies = std::max(view.copies, progress->copies_left);
    view.copies_left = progress->copies_left;
    view.bytes_left = progress->bytes_left;
    view.bytes_done = pace.bytes_total - std::min(pace.bytes_total, progress->bytes_left);
    view.left = pace.left;
    if (progress->waiting) view.reason = Describe(*progress->waiting, topology);
  }
  view.stage = StageOf(job, !view.reason.empty());
  return view;
}

}  // namespace kvd::node
