// The load that all contestants get: a fixed number of operations outstanding (a closed loop) from
// one thread. Keys of 24 bytes, values of 100.
//
// Unary: one connection to each node; kvd's calls go to the key's owner, which its ring names,
// etcd's to the nodes in turn. Pipelined: the client library's pipeline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvd::bench {

enum class Api : uint8_t { kKvd, kKvdPipeline, kEtcd };
enum class Operation : uint8_t { kPut, kGet };

inline constexpr int kKeys = 10'000;
inline constexpr size_t kValueBytes = 100;

// The key of a number, however large.
[[nodiscard]] std::string KeyOf(int64_t number);

struct LoadOptions {
  Api api = Api::kKvd;
  Operation operation = Operation::kPut;
  std::vector<std::string> endpoints{};
  int outstanding = 1;
  double seconds = 3;
};

struct LoadResult {
  double operations = 0;
  double per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  uint64_t failed = 0;
  std::string first_failure{};
};

// Of latencies in any order.
[[nodiscard]] LoadResult Summarise(std::vector<double> latencies_ms, double seconds);

[[nodiscard]] LoadResult RunLoad(const LoadOptions& options);

}  // namespace kvd::bench
