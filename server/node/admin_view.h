// Plans and jobs as operators are shown them: with names.
//
// Pure. Threading: values.
#pragma once

#include "server/node/admin.h"
#include "server/node/job_watch.h"
#include "server/topology/plan.h"
#include "server/topology/progress.h"
#include "server/topology/topology.h"

namespace kvd::node {

// The plan of what leads from `before` to `after`, at so many bytes per second to each node.
[[nodiscard]] PlanView ViewOf(const topology::Plan& plan, const topology::Topology& before,
                              const topology::Topology& after, uint64_t bytes_per_second);

// A job of `topology`. `progress`, if it runs and is known.
[[nodiscard]] JobView ViewOf(const topology::Job& job, const topology::Topology& topology,
                             const std::optional<topology::JobProgress>& progress,
                             const JobWatch::Pace& pace);

// A group of `topology`. `report`: nullptr if nobody did; `obstacle`: as the reconciler sees it.
[[nodiscard]] GroupView ViewOf(PartitionId partition, const topology::Topology& topology,
                               const topology::GroupReport* report,
                               const std::optional<topology::Obstacle>& obstacle);

}  // namespace kvd::node
