// The same load for kvd and etcd: a fixed number of unary calls outstanding (a closed loop), one
// thread and one completion queue, one connection to each of the nodes, which the callers use in
// turn; or as many operations outstanding in the client library's pipeline. Keys of 24 bytes,
// values of 100.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvd::bench {

enum class Api : uint8_t { kKvd, kKvdPipeline, kEtcd };
enum class Operation : uint8_t { kPut, kGet };

struct LoadOptions {
  Api api = Api::kKvd;
  Operation operation = Operation::kPut;
  std::vector<std::string> endpoints{};
  int outstanding = 1;
  double seconds = 3;
};

struct LoadResult {
  double per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  uint64_t failed = 0;
  std::string first_failure{};
};

[[nodiscard]] LoadResult RunLoad(const LoadOptions& options);

}  // namespace kvd::bench
