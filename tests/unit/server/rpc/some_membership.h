// Something of everything that nodes say to one another about replicas and members.
#pragma once

#include <chrono>

#include "server/node/membership.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {

inline const raft::Configuration kConfiguration{
    .voters = {{ReplicaId{1}, NodeId{1}}, {ReplicaId{2}, NodeId{2}}},
    .outgoing = {{ReplicaId{1}, NodeId{1}}},
    .learners = {{ReplicaId{9}, NodeId{3}}}};

inline node::GroupReport SomeReport() {
  return {.partition = PartitionId{2},
          .leader = {ReplicaId{1}, NodeId{1}},
          .term = 6,
          .configuration_index = 70,
          .settled = true,
          .configuration = kConfiguration,
          .members = {{.id = ReplicaId{1}, .behind = 0, .active = true, .snapshot = false},
                      {.id = ReplicaId{9}, .behind = 71, .active = false, .snapshot = true}},
          .bytes = 1000,
          .keys = 10};
}

inline node::Membership SomeMembership() {
  node::Membership all;
  all.not_here = {{GroupId{3}, ReplicaId{4}, true}, {GroupId{4}, ReplicaId{5}, false}};
  all.creates = {{GroupId{3}, ReplicaId{9}, kConfiguration}};
  all.inquiries = {{GroupId{3}, ReplicaId{8}}};
  all.removals = {{GroupId{3}, ReplicaId{8}, 70, 6}};
  all.reports = {SomeReport()};
  all.steps = {{.partition = PartitionId{2},
                .term = 6,
                .if_index = 70,
                .voters = kConfiguration.voters,
                .learners = kConfiguration.learners}};
  all.step_answers = {
      {.partition = PartitionId{2}, .term = 6, .if_index = 70, .result = node::StepTaken{71}}};
  all.poll = 6;
  all.halted = "n3 is silent";
  all.witness = {.asked_in = 6,
                 .silent = {{NodeId{2}, std::chrono::seconds(1)}},
                 .disk = {.used_bytes = 1, .capacity_bytes = 2}};
  all.topology_wanted = true;
  all.topology = "a record";
  all.announced = {topology::CardOf(4)};
  all.verdicts = {{.node = topology::UuidOf(4), .refusal = std::nullopt}};
  all.superseded_by = topology::Boot{.counter = 5, .nonce = 77};
  return all;
}

}  // namespace kvd::rpc
