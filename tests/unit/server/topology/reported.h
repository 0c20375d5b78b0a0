// What the leaders of groups report of a cluster in which everything is as wished: where the tests
// of steps begin.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "server/topology/reports.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// The report of a group that is as wished, led by its preferred owner, at index 10 of term 2.
inline GroupReport ReportOf(PartitionId partition, const std::vector<Replica>& replicas) {
  GroupReport report{.partition = partition,
                     .leader = {replicas.front().id, replicas.front().node},
                     .term = 2,
                     .configuration_index = 10,
                     .settled = true,
                     .configuration = {},
                     .members = {},
                     .bytes = 1000,
                     .keys = 10};
  for (const Replica& replica : replicas) {
    report.configuration.voters.push_back({replica.id, replica.node});
    report.members.push_back({.id = replica.id, .active = true});
  }
  std::ranges::sort(report.configuration.voters);
  return report;
}

// Reports, in term 1, of a cluster that is as wished.
inline Reports ReportsOf(const Topology& topology) {
  Reports reports(1);
  EXPECT_TRUE(reports.Take(1, ReportOf(kSystemPartition, topology.system_voters)));
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    EXPECT_TRUE(reports.Take(1, ReportOf(PartitionId{p}, topology.ring[p])));
  }
  return reports;
}

}  // namespace kvd::topology
