// Load on a running cluster: a fixed number of unary calls outstanding (a closed loop), one thread
// and one completion queue, as cheap as a gRPC client can be. Prints operations per second and
// latencies.
//
//   unary_load --endpoints 127.0.0.1:7400,127.0.0.1:7410 --op put --callers 64 --seconds 5

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvd/v1/kv.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> endpoints = {"127.0.0.1:7400"};
  std::string op = "put";
  int callers = 1;
  double seconds = 5;
  int value_bytes = 100;
  int keys = 10000;
};

struct Result {
  std::vector<double> latencies_ms;
  uint64_t failed = 0;
  std::string first_failure;
};

// One caller: asks, waits for the answer, asks again.
class Caller {
 public:
  Caller(kvd::v1::KV::Stub& stub, grpc::CompletionQueue& queue, const Options& options, int number)
      : stub_(stub), queue_(queue), options_(options), next_key_(number * 7919) {}

  void Ask() {
    const std::string key = fmt::format("key-{:020}", next_key_++ % options_.keys);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    asked_at_ = Clock::now();
    if (options_.op == "put") {
      kvd::v1::PutRequest request;
      request.set_key(key);
      request.set_value(std::string(static_cast<size_t>(options_.value_bytes), 'v'));
      put_ = stub_.AsyncPut(context_.get(), request, &queue_);
      put_->Finish(&put_response_, &status_, this);
    } else {
      kvd::v1::GetRequest request;
      request.set_key(key);
      get_ = stub_.AsyncGet(context_.get(), request, &queue_);
      get_->Finish(&get_response_, &status_, this);
    }
  }

  void Answered(Result& result) const {
    if (status_.ok()) {
      result.latencies_ms.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - asked_at_).count());
      return;
    }
    if (result.failed++ == 0) result.first_failure = status_.error_message();
  }

 private:
  kvd::v1::KV::Stub& stub_;
  grpc::CompletionQueue& queue_;
  const Options& options_;
  int64_t next_key_;
  Clock::time_point asked_at_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<kvd::v1::PutResponse>> put_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<kvd::v1::GetResponse>> get_;
  kvd::v1::PutResponse put_response_;
  kvd::v1::GetResponse get_response_;
};

Result Run(const Options& options) {
  std::vector<std::unique_ptr<kvd::v1::KV::Stub>> stubs;
  for (const auto& endpoint : options.endpoints) {
    stubs.push_back(
        kvd::v1::KV::NewStub(grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials())));
  }
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < options.callers; ++i) {
    auto& stub = *stubs[static_cast<size_t>(i) % stubs.size()];
    callers.push_back(std::make_unique<Caller>(stub, queue, options, i));
    callers.back()->Ask();
  }
  Result result;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  int outstanding = options.callers;
  void* tag = nullptr;
  bool ok = false;
  while (outstanding > 0 && queue.Next(&tag, &ok)) {
    auto* caller = static_cast<Caller*>(tag);
    caller->Answered(result);
    if (Clock::now() < end) {
      caller->Ask();
    } else {
      --outstanding;
    }
  }
  queue.Shutdown();
  return result;
}

double Percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Unary load on a running cluster");
  app.add_option("--endpoints", options.endpoints, "Where to send, in turn")->delimiter(',');
  app.add_option("--op", options.op)->check(CLI::IsMember({"put", "get"}));
  app.add_option("--callers", options.callers, "Calls outstanding")->check(CLI::Range(1, 4096));
  app.add_option("--seconds", options.seconds);
  app.add_option("--value-bytes", options.value_bytes);
  app.add_option("--keys", options.keys);
  CLI11_PARSE(app, argc, argv);
  Result result = Run(options);
  std::ranges::sort(result.latencies_ms);
  fmt::print(
      "{} {:>3} callers  {:>8.0f} ops/s  p50 {:.2f} ms  p99 {:.2f} ms  failed {}\n", options.op,
      options.callers, static_cast<double>(result.latencies_ms.size()) / options.seconds,
      Percentile(result.latencies_ms, 0.5), Percentile(result.latencies_ms, 0.99), result.failed);
  if (result.failed == 0) return 0;
  fmt::print(stderr, "first failure: {}\n", result.first_failure);
  return 1;
}
