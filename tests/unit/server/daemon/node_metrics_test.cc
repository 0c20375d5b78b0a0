// The names that operators' rules are written with, and where their numbers come from.

#include "server/daemon/node_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace kvd::daemon {
namespace {

using namespace std::chrono_literals;
using observability::MetricsPage;
using ::testing::HasSubstr;
using ::testing::Not;

MATCHER_P(Shows, line, "") {
  return ("\n" + arg).find("\n" + std::string(line) + "\n") != std::string::npos;
}

std::string PageOf(const std::vector<std::optional<NodeFacts>>& shards) {
  MetricsPage page;
  AddNodeMetrics(page, shards);
  return page.Text();
}

NodeFacts SomeFacts() {
  NodeFacts facts{.view = {}, .replicas = 170, .missing = 2};
  facts.view.epoch = Epoch{9};
  facts.view.leaderless = 4;
  facts.view.self.uuid = Uuid::FromBytes(std::string(16, '\1')).value();
  facts.view.nodes.resize(3);
  facts.view.nodes[0].state = node::NodeState::kDown;
  facts.view.nodes[1].state = node::NodeState::kUp;
  facts.view.nodes[2].state = node::NodeState::kUp;
  facts.view.nodes[0].owned = 1;
  facts.view.nodes[2].card = facts.view.self;
  facts.view.nodes[2].owned = 85;
  facts.view.nodes[2].load = node::Load{.keys = 1000, .behind = 3, .version = ""};
  facts.view.nodes[0].card.uuid = Uuid::FromBytes(std::string(16, '\2')).value();
  facts.view.nodes[0].card.name = "n1";
  facts.view.nodes[0].suspicions = 5;
  facts.view.nodes[0].average_gap = 125ms;
  facts.under_replicated = 6;
  facts.counts = {.forwards = 11, .duplicates = 12, .groups = {}, .led = 13, .late = 250ms};
  facts.counts.groups.elections = {1, 2, 3};
  facts.counts.groups.commits.Add(2ms);
  facts.jobs[{topology::JobKind::kReplace, topology::JobState::kAborting}] = 1;
  return facts;
}

TEST(NodeMetricsTest, ANodeThatIsStuckIsSaidToBeAndNothingElse) {
  const std::string page = PageOf({std::nullopt});
  EXPECT_THAT(page, Shows("kvd_runtime_shard_answering{shard=\"0\"} 0"));
  EXPECT_THAT(page, Not(HasSubstr("kvd_partition_")));
  EXPECT_THAT(page, Not(HasSubstr("kvd_topology_")));
}

TEST(NodeMetricsTest, ANodeSaysWhatItIsItself) {
  const std::string page = PageOf({SomeFacts()});
  for (const char* line : {"kvd_runtime_shard_answering{shard=\"0\"} 1", "kvd_topology_epoch 9",
                           "kvd_partition_replicas 170", "kvd_partition_missing_replicas 2",
                           "kvd_partition_leaderless_replicas 4", "kvd_partition_owned 85",
                           "kvd_partition_keys 1000", "kvd_raft_behind_entries 3"}) {
    EXPECT_THAT(page, Shows(line));
  }
}

TEST(NodeMetricsTest, WhatANodeCountsStandsUnderItsOwnName) {
  const std::string page = PageOf({SomeFacts()});
  for (const char* line :
       {"kvd_node_forwards_total 11", "kvd_partition_duplicates_total 12", "kvd_raft_led_groups 13",
        "kvd_raft_elections_total{reason=\"suspicion\"} 1",
        "kvd_raft_elections_total{reason=\"silence\"} 2",
        "kvd_raft_elections_total{reason=\"transfer\"} 3",
        "kvd_raft_commit_seconds_bucket{le=\"0.001\"} 0",
        "kvd_raft_commit_seconds_bucket{le=\"0.0025\"} 1",
        "kvd_topology_partitions_under_replicated 6", "kvd_heartbeat_self_late_seconds 0.25",
        "kvd_heartbeat_suspicions_total{peer=\"n1\"} 5",
        "kvd_heartbeat_peer_gap_seconds{peer=\"n1\"} 0.125"}) {
    EXPECT_THAT(page, Shows(line));
  }
}

TEST(NodeMetricsTest, ShardsAnswerEachAndSayTogetherWhatTheNodeIs) {
  const std::string page = PageOf({SomeFacts(), SomeFacts()});
  for (const char* line :
       {"kvd_runtime_shard_answering{shard=\"0\"} 1", "kvd_runtime_shard_answering{shard=\"1\"} 1",
        "kvd_topology_epoch 9", "kvd_partition_replicas 340", "kvd_partition_owned 170"}) {
    EXPECT_THAT(page, Shows(line));
  }
}

TEST(NodeMetricsTest, ANodeOfWhichOneShardIsStuckIsStuck) {
  const std::string page = PageOf({SomeFacts(), std::nullopt});
  EXPECT_THAT(page, Shows("kvd_runtime_shard_answering{shard=\"0\"} 1"));
  EXPECT_THAT(page, Shows("kvd_runtime_shard_answering{shard=\"1\"} 0"));
  EXPECT_THAT(page, Not(HasSubstr("kvd_partition_")));
}

TEST(NodeMetricsTest, ANodeIsNoPeerOfItsOwn) {
  NodeFacts facts = SomeFacts();
  facts.view.nodes = {facts.view.nodes[2]};
  EXPECT_THAT(PageOf({facts}), Not(HasSubstr("peer=")));
}

TEST(NodeMetricsTest, EveryStateHasANumberEvenIfItIsNobodys) {
  const std::string page = PageOf({SomeFacts()});
  for (const char* line : {"{state=\"up\"} 2", "{state=\"suspect\"} 0", "{state=\"down\"} 1",
                           "{state=\"joining\"} 0", "{state=\"draining\"} 0"}) {
    EXPECT_THAT(page, Shows(std::string("kvd_topology_nodes") + line));
  }
  EXPECT_THAT(page, Shows("kvd_topology_jobs{kind=\"replace\",state=\"aborting\"} 1"));
  EXPECT_THAT(page, Shows("kvd_topology_jobs{kind=\"replace\",state=\"running\"} 0"));
  EXPECT_THAT(page, Shows("kvd_topology_jobs{kind=\"join\",state=\"aborting\"} 0"));
}

TEST(StorageMetricsTest, EveryNumberStandsUnderItsOwnName) {
  StorageMetrics metrics;
  metrics.NoteSynced(100, 1ms);
  metrics.NoteSynced(11, 2ms);
  metrics.NoteDisk({.log_bytes = 21, .data_bytes = 22, .free_bytes = 23, .capacity_bytes = 24});
  MetricsPage page;
  metrics.AddTo(page,
                {.block_cache_bytes = 1,
                 .memtable_bytes = 2,
                 .pending_compaction_bytes = 3,
                 .running_compactions = 4,
                 .running_flushes = 5,
                 .block_cache_hits = 25,
                 .block_cache_misses = 26,
                 .flushed_bytes = 6,
                 .compaction_read_bytes = 7,
                 .compaction_written_bytes = 8,
                 .stalls = 9,
                 .stalled = 1500ms},
                10);
  for (const char* line : {"fsync_seconds_count 2",
                           "fsync_seconds_bucket{le=\"0.001\"} 1",
                           "log_written_bytes_total 111",
                           "put_bytes_total 10",
                           "block_cache_bytes 1",
                           "block_cache_hits_total 25",
                           "block_cache_misses_total 26",
                           "memtable_bytes 2",
                           "pending_compaction_bytes 3",
                           "running_compactions 4",
                           "running_flushes 5",
                           "flushed_bytes_total 6",
                           "compaction_read_bytes_total 7",
                           "compaction_written_bytes_total 8",
                           "write_stalls_total 9",
                           "write_stall_seconds_total 1.5",
                           "log_bytes 21",
                           "data_bytes 22",
                           "free_bytes 23",
                           "capacity_bytes 24"}) {
    EXPECT_THAT(page.Text(), Shows(std::string("kvd_storage_") + line));
  }
}

TEST(StorageMetricsTest, WhatIsAppliedIsTimed) {
  StorageMetrics metrics;
  metrics.NoteApplied(3ms);
  MetricsPage page;
  metrics.AddTo(page, {}, 0);
  EXPECT_THAT(page.Text(), Shows("kvd_partition_apply_seconds_count 1"));
  EXPECT_THAT(page.Text(), Shows("kvd_partition_apply_seconds_sum 0.003"));
}

TEST(StorageMetricsTest, ADiskThatWasNotLookedAtIsNotCalledFull) {
  MetricsPage page;
  StorageMetrics().AddTo(page, {}, 0);
  EXPECT_THAT(page.Text(), HasSubstr("kvd_storage_put_bytes_total 0\n"));
  EXPECT_THAT(page.Text(), Not(HasSubstr("kvd_storage_free_bytes")));
  EXPECT_THAT(page.Text(), Not(HasSubstr("kvd_storage_log_bytes")));
}

}  // namespace
}  // namespace kvd::daemon
