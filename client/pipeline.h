// Many operations at once, from any number of threads, without a thread each: for programs that
// read and write as fast as the cluster can, an order of magnitude faster than call by call.
//
//   auto pipeline = kvd::client::Pipeline::Open({.endpoints = {"10.0.0.1:7400"}});
//   for (const auto& [key, value] : pairs) {
//     pipeline->Put(key, value, [](kvd::client::Result<PutAnswer> put) { ... });
//   }
//   pipeline->AwaitAll();
//
// Knows the ring: each operation goes straight to the owner of its key, on one stream per node,
// with whatever else is at hand. What a failover interrupts is tried again as by a Client, and
// writes are applied at most once; what is said there of errors, timeouts and limits holds here.
//
// Operations are as independent of each other as calls of different threads: whoever wants one
// after another waits for the first one's answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "client/answers.h"
#include "client/client.h"
#include "client/result.h"

namespace kvd::client {

class PipelineCore;

struct PipelineOptions {
  // Whoever submits more waits. More than about a thousand per node gain nothing.
  size_t max_underway = 1000;
};

// Threading: thread-safe.
class Pipeline {
 public:
  // Called once, on the pipeline's own thread: must not block, and may submit more, which then does
  // not wait for room. Of what no node would take on the caller's, at once.
  template <typename T>
  using Done = absl::AnyInvocable<void(Result<T>)>;

  // As Client::Open().
  static Result<Pipeline> Open(const Options& options, const PipelineOptions& pipeline = {});

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;

  // Waits until everything is answered, or its time is over. Not in a Done.
  ~Pipeline();

  // As Client's. They return when the operation is queued.
  void Get(std::string_view key, Done<GetAnswer> done, const ReadOptions& options = {});
  void Exists(std::string_view key, Done<ExistsAnswer> done, const ReadOptions& options = {});
  void Put(std::string_view key, std::string_view value, Done<PutAnswer> done,
           const WriteOptions& options = {});
  void Delete(std::string_view key, Done<DeleteAnswer> done, const WriteOptions& options = {});
  void Increment(std::string_view key, int64_t by, Done<IncrementAnswer> done,
                 const RepeatOptions& options = {});
  void Batch(const std::vector<BatchItem>& items, Done<BatchAnswer> done,
             const RepeatOptions& options = {});

  // The same, to be waited for.
  std::future<Result<GetAnswer>> Get(std::string_view key, const ReadOptions& options = {});
  std::future<Result<PutAnswer>> Put(std::string_view key, std::string_view value,
                                     const WriteOptions& options = {});
  std::future<Result<DeleteAnswer>> Delete(std::string_view key, const WriteOptions& options = {});
  std::future<Result<IncrementAnswer>> Increment(std::string_view key, int64_t by = 1,
                                                 const RepeatOptions& options = {});
  std::future<Result<BatchAnswer>> Batch(const std::vector<BatchItem>& items,
                                         const RepeatOptions& options = {});

  // Blocks until everything submitted so far is answered and told. Not in a Done.
  void AwaitAll();

 private:
  explicit Pipeline(std::unique_ptr<PipelineCore> core);

  std::unique_ptr<PipelineCore> core_;
};

}  // namespace kvd::client
