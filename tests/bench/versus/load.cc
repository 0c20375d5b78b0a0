#include "tests/bench/versus/load.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "client/client.h"
#include "client/pipeline.h"
#include "common/check.h"
#include "common/hash.h"
#include "etcd.grpc.pb.h"
#include "kvd/v1/kv.grpc.pb.h"

namespace kvd::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Where each operation is sent: by key to the owners that the ring names, or in turn.
class Routes {
 public:
  explicit Routes(size_t endpoints) : endpoints_(endpoints) {}

  // Empty: in turn.
  Routes(size_t endpoints, std::vector<size_t> owners)
      : endpoints_(endpoints), owners_(std::move(owners)) {}

  [[nodiscard]] size_t Of(const std::string& key) {
    if (owners_.empty()) return turn_++ % endpoints_;
    return owners_[PartitionOf(key, static_cast<uint32_t>(owners_.size())).value];
  }

 private:
  size_t endpoints_;
  std::vector<size_t> owners_;
  size_t turn_ = 0;
};

struct Kvd {
  static Routes RoutesOf(const LoadOptions& options) {
    const auto client = client::Client::Open({.endpoints = options.endpoints});
    KVD_CHECK(client.ok(), "open a client");
    const auto ring = client->GetRing();
    if (!ring.ok()) return Routes(options.endpoints.size());
    std::vector<size_t> owners;
    for (const client::RingPartition& partition : ring->partitions) {
      const auto at = std::ranges::find(options.endpoints, ring->nodes[partition.owner].address);
      if (at == options.endpoints.end()) return Routes(options.endpoints.size());
      owners.push_back(static_cast<size_t>(at - options.endpoints.begin()));
    }
    return {options.endpoints.size(), std::move(owners)};
  }

  using Service = v1::KV;
  using Put = v1::PutRequest;
  using PutResponse = v1::PutResponse;
  using Get = v1::GetRequest;
  using GetResponse = v1::GetResponse;
  static auto AskGet(Service::Stub& stub, grpc::ClientContext* context, const Get& request,
                     grpc::CompletionQueue* queue) {
    return stub.AsyncGet(context, request, queue);
  }
};

struct Etcd {
  static Routes RoutesOf(const LoadOptions& options) { return Routes(options.endpoints.size()); }

  using Service = etcdserverpb::KV;
  using Put = etcdserverpb::PutRequest;
  using PutResponse = etcdserverpb::PutResponse;
  using Get = etcdserverpb::RangeRequest;
  using GetResponse = etcdserverpb::RangeResponse;
  static auto AskGet(Service::Stub& stub, grpc::ClientContext* context, const Get& request,
                     grpc::CompletionQueue* queue) {
    return stub.AsyncRange(context, request, queue);
  }
};

struct Measured {
  std::vector<double> latencies_ms{};
  LoadResult result{};
};

// One caller: asks, waits for the answer, asks again.
template <typename Store>
class Caller {
 public:
  using Stub = typename Store::Service::Stub;
  using Stubs = std::vector<std::unique_ptr<Stub>>;

  Caller(const Stubs& stubs, Routes& routes, grpc::CompletionQueue& queue, Operation operation,
         int number)
      : stubs_(stubs),
        routes_(routes),
        queue_(queue),
        operation_(operation),
        next_key_(number * 7919) {}

  void Ask() {
    const std::string key = KeyOf(next_key_++);
    Stub& stub = *stubs_[routes_.Of(key)];
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    asked_at_ = Clock::now();
    if (operation_ == Operation::kPut) {
      typename Store::Put request;
      request.set_key(key);
      request.set_value(std::string(kValueBytes, 'v'));
      put_ = stub.AsyncPut(&*context_, request, &queue_);
      put_->Finish(&put_response_, &status_, this);
    } else {
      typename Store::Get request;
      request.set_key(key);
      get_ = Store::AskGet(stub, &*context_, request, &queue_);
      get_->Finish(&get_response_, &status_, this);
    }
  }

  void Answered(Measured& measured) const {
    if (status_.ok()) {
      measured.latencies_ms.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - asked_at_).count());
      return;
    }
    if (measured.result.failed++ == 0) measured.result.first_failure = status_.error_message();
  }

 private:
  const Stubs& stubs_;
  Routes& routes_;
  grpc::CompletionQueue& queue_;
  const Operation operation_;
  int64_t next_key_;
  Clock::time_point asked_at_;
  std::optional<grpc::ClientContext> context_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<typename Store::PutResponse>> put_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<typename Store::GetResponse>> get_;
  typename Store::PutResponse put_response_;
  typename Store::GetResponse get_response_;
};

template <typename Store>
Measured Run(const LoadOptions& options) {
  typename Caller<Store>::Stubs stubs;
  for (const std::string& endpoint : options.endpoints) {
    stubs.push_back(
        Store::Service::NewStub(grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials())));
  }
  Routes routes = Store::RoutesOf(options);
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Caller<Store>>> callers;
  for (int i = 0; i < options.outstanding; ++i) {
    callers.push_back(std::make_unique<Caller<Store>>(stubs, routes, queue, options.operation, i));
    callers.back()->Ask();
  }
  Measured measured;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  int outstanding = options.outstanding;
  void* tag = nullptr;
  bool ok = false;
  while (outstanding > 0 && queue.Next(&tag, &ok)) {
    auto* caller = static_cast<Caller<Store>*>(tag);
    caller->Answered(measured);
    if (Clock::now() < end) {
      caller->Ask();
    } else {
      --outstanding;
    }
  }
  queue.Shutdown();
  return measured;
}

// As many callers, but of the library: everything happens on the pipeline's thread.
class PipelineLoad {
 public:
  explicit PipelineLoad(const LoadOptions& options) : options_(options) {}

  Measured Run() {
    auto pipeline =
        client::Pipeline::Open({.endpoints = options_.endpoints},
                               {.max_underway = static_cast<size_t>(options_.outstanding)});
    KVD_CHECK(pipeline.ok(), "open the pipeline");
    pipeline_ = &*pipeline;
    end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(options_.seconds));
    for (int i = 0; i < options_.outstanding; ++i) Ask(i * 7919);
    pipeline_->AwaitAll();
    return std::move(measured_);
  }

 private:
  void Ask(int64_t number) {
    const std::string key = KeyOf(number);
    const auto asked_at = Clock::now();
    const auto done = [this, number, asked_at](const auto& result) {
      Answered(asked_at, result);
      if (Clock::now() < end_) Ask(number + 1);
    };
    if (options_.operation == Operation::kPut) {
      pipeline_->Put(key, std::string(kValueBytes, 'v'), done);
    } else {
      pipeline_->Get(key, done);
    }
  }

  template <typename T>
  void Answered(Clock::time_point asked_at, const client::Result<T>& result) {
    const std::lock_guard lock(mu_);
    if (result.ok()) {
      measured_.latencies_ms.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - asked_at).count());
    } else if (measured_.result.failed++ == 0) {
      measured_.result.first_failure = result.error().message;
    }
  }

  const LoadOptions& options_;
  client::Pipeline* pipeline_ = nullptr;
  Clock::time_point end_;
  std::mutex mu_;
  Measured measured_;
};

Measured RunOn(const LoadOptions& options) {
  switch (options.api) {
    case Api::kKvd:
      return Run<Kvd>(options);
    case Api::kKvdPipeline:
      return PipelineLoad(options).Run();
    case Api::kEtcd:
      return Run<Etcd>(options);
  }
  return {};
}

double Percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

std::string KeyOf(int64_t number) {
  return fmt::format("key-{:020}", number % kKeys);
}

LoadResult Summarise(std::vector<double> latencies_ms, double seconds) {
  std::ranges::sort(latencies_ms);
  const auto operations = static_cast<double>(latencies_ms.size());
  return {.operations = operations,
          .per_second = operations / seconds,
          .p50_ms = Percentile(latencies_ms, 0.5),
          .p99_ms = Percentile(latencies_ms, 0.99),
          .p999_ms = Percentile(latencies_ms, 0.999)};
}

LoadResult RunLoad(const LoadOptions& options) {
  Measured measured = RunOn(options);
  LoadResult result = Summarise(std::move(measured.latencies_ms), options.seconds);
  result.failed = measured.result.failed;
  result.first_failure = std::move(measured.result.first_failure);
  return result;
}

}  // namespace kvd::bench
