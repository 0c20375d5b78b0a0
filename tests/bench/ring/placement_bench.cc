// How long placement takes: a new ring, and one node more, for (partitions, nodes) at R = 3.
//
//   ninja ring_bench && ./tests/bench/ring/ring_bench

#include <benchmark/benchmark.h>

#include "server/ring/placement.h"

namespace kvd::ring {
namespace {

constexpr uint32_t kReplication = 3;

std::vector<Member> Nodes(int64_t count) {
  std::vector<Member> members;
  for (uint32_t id = 1; id <= count; ++id) members.push_back({.id = NodeId{id}, .zone = ""});
  return members;
}

void BM_Place(benchmark::State& state) {
  const auto partitions = static_cast<uint32_t>(state.range(0));
  const std::vector<Member> members = Nodes(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(Place(members, partitions, kReplication));
}

void BM_RebalanceAfterJoin(benchmark::State& state) {
  const auto partitions = static_cast<uint32_t>(state.range(0));
  const Ring ring = Place(Nodes(state.range(1)), partitions, kReplication);
  const std::vector<Member> members = Nodes(state.range(1) + 1);
  for (auto _ : state) benchmark::DoNotOptimize(Rebalance(ring, members, kReplication));
}

void BM_RebalanceAfterLeave(benchmark::State& state) {
  const auto partitions = static_cast<uint32_t>(state.range(0));
  const Ring ring = Place(Nodes(state.range(1)), partitions, kReplication);
  const std::vector<Member> members = Nodes(state.range(1) - 1);
  for (auto _ : state) benchmark::DoNotOptimize(Rebalance(ring, members, kReplication));
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({256, 3})->Args({256, 6})->Args({16384, 1000})->Unit(benchmark::kMicrosecond);
}

BENCHMARK(BM_Place)->Apply(Sizes);
BENCHMARK(BM_RebalanceAfterJoin)->Apply(Sizes);
BENCHMARK(BM_RebalanceAfterLeave)->Apply(Sizes);

}  // namespace
}  // namespace kvd::ring
