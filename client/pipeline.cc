#include "client/pipeline.h"

#include <string>
#include <utility>

#include "client/core.h"
#include "client/from_proto.h"
#include "client/pipeline_core.h"
#include "client/requests.h"

namespace kvd::client {
namespace {

using Answered = PipelineOperation::Answered;
using Request = PipelineOperation::Request;
using Answer = v1::PipelineResponse::Answer;

// What differs from operation to operation.
struct GetKind {
  static constexpr bool kWrites = false;
  static constexpr Answer::ResultCase kResult = Answer::kGet;
  static v1::GetRequest& In(Request& request) { return *request.mutable_get(); }
  static v1::GetResponse& In(Answer& answer) { return *answer.mutable_get(); }
};
struct PutKind {
  static constexpr bool kWrites = true;
  static constexpr Answer::ResultCase kResult = Answer::kPut;
  static v1::PutRequest& In(Request& request) { return *request.mutable_put(); }
  static v1::PutResponse& In(Answer& answer) { return *answer.mutable_put(); }
};
struct DeleteKind {
  static constexpr bool kWrites = true;
  static constexpr Answer::ResultCase kResult = Answer::kDelete;
  static v1::DeleteRequest& In(Request& request) { return *request.mutable_delete_(); }
  static v1::DeleteResponse& In(Answer& answer) { return *answer.mutable_delete_(); }
};
struct IncrementKind {
  static constexpr bool kWrites = true;
  static constexpr Answer::ResultCase kResult = Answer::kIncrement;
  static v1::IncrementRequest& In(Request& request) { return *request.mutable_increment(); }
  static v1::IncrementResponse& In(Answer& answer) { return *answer.mutable_increment(); }
};
struct BatchKind {
  static constexpr bool kWrites = true;
  static constexpr Answer::ResultCase kResult = Answer::kBatch;
  static v1::BatchRequest& In(Request& request) { return *request.mutable_batch(); }
  static v1::BatchResponse& In(Answer& answer) { return *answer.mutable_batch(); }
};

GetAnswer Read(GetAnswer* /*wanted*/, v1::GetResponse& response, Served served) {
  return ToAnswer(std::move(response), std::move(served));
}

ExistsAnswer Read(ExistsAnswer* /*wanted*/, v1::GetResponse& response, Served served) {
  return ToExistsAnswer(response, std::move(served));
}

template <typename T, typename Response>
T Read(T* /*wanted*/, Response& response, Served served) {
  return ToAnswer(response, std::move(served));
}

template <typename Kind, typename T>
Result<T> Interpret(Result<Answered> answered) {
  if (!answered.ok()) return answered.error();
  Answered& told = *answered;
  if (told.answer.result_case() != Kind::kResult) {
    return Error{.kind = ErrorKind::kFault,
                 .message = told.endpoint + " answered another operation than it was asked",
                 .endpoint = told.endpoint};
  }
  auto& response = Kind::In(told.answer);
  Served served = FromProto(response.served());
  served.endpoint = std::move(told.endpoint);
  served.took = told.took;
  return Read(static_cast<T*>(nullptr), response, std::move(served));
}

template <typename Kind, typename T, typename Asked>
void Submit(PipelineCore& core, Result<Asked> asked, Pipeline::Done<T> done,
            const RepeatOptions& options) {
  if (!asked.ok()) return done(asked.error());
  PipelineOperation::Asking asking;
  asking.writes = Kind::kWrites;
  asking.options = options;
  Kind::In(asking.request) = *std::move(asked);
  asking.finish = [done = std::move(done)](Result<Answered> answered) mutable {
    done(Interpret<Kind, T>(std::move(answered)));
  };
  core.Submit(std::move(asking));
}

// Something to be called with a result, and to wait for it with.
template <typename T>
struct Promise {
  std::promise<Result<T>> promise;
  std::future<Result<T>> future = promise.get_future();

  Pipeline::Done<T> Done() {
    return [promise = std::move(promise)](Result<T> result) mutable {
      promise.set_value(std::move(result));
    };
  }
};

}  // namespace

Pipeline::Pipeline(std::unique_ptr<PipelineCore> core) : core_(std::move(core)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

Result<Pipeline> Pipeline::Open(const Options& options, const PipelineOptions& pipeline) {
  if (pipeline.max_underway == 0) return BadRequest("max_underway is 0; it is 1 or more");
  auto access = Access::From(options);
  if (!access.ok()) return access.error();
  return Pipeline(std::make_unique<PipelineCore>(
      *std::move(access), PipelineCore::Settings{.timeout = options.timeout,
                                                 .try_timeout = options.try_timeout,
                                                 .max_underway = pipeline.max_underway}));
}

void Pipeline::Get(std::string_view key, Done<GetAnswer> done, const ReadOptions& options) {
  Submit<GetKind>(*core_, MakeGet(key, /*omit_value=*/false, options.consistency), std::move(done),
                  {.timeout = options.timeout});
}

void Pipeline::Exists(std::string_view key, Done<ExistsAnswer> done, const ReadOptions& options) {
  Submit<GetKind>(*core_, MakeGet(key, /*omit_value=*/true, options.consistency), std::move(done),
                  {.timeout = options.timeout});
}

void Pipeline::Put(std::string_view key, std::string_view value, Done<PutAnswer> done,
                   const WriteOptions& options) {
  Submit<PutKind>(*core_, MakePut(key, value, options.if_version), std::move(done),
                  {.timeout = options.timeout, .request_id = options.request_id});
}

void Pipeline::Delete(std::string_view key, Done<DeleteAnswer> done, const WriteOptions& options) {
  Submit<DeleteKind>(*core_, MakeDelete(key, options.if_version), std::move(done),
                     {.timeout = options.timeout, .request_id = options.request_id});
}

void Pipeline::Increment(std::string_view key, int64_t by, Done<IncrementAnswer> done,
                         const RepeatOptions& options) {
  Submit<IncrementKind>(*core_, MakeIncrement(key, by), std::move(done), options);
}

void Pipeline::Batch(const std::vector<BatchItem>& items, Done<BatchAnswer> done,
                     const RepeatOptions& options) {
  Submit<BatchKind>(*core_, MakeBatch(items), std::move(done), options);
}

std::future<Result<GetAnswer>> Pipeline::Get(std::string_view key, const ReadOptions& options) {
  Promise<GetAnswer> promise;
  Get(key, promise.Done(), options);
  return std::move(promise.future);
}

std::future<Result<PutAnswer>> Pipeline::Put(std::string_view key, std::string_view value,
                                             const WriteOptions& options) {
  Promise<PutAnswer> promise;
  Put(key, value, promise.Done(), options);
  return std::move(promise.future);
}

std::future<Result<DeleteAnswer>> Pipeline::Delete(std::string_view key,
                                                   const WriteOptions& options) {
  Promise<DeleteAnswer> promise;
  Delete(key, promise.Done(), options);
  return std::move(promise.future);
}

std::future<Result<IncrementAnswer>> Pipeline::Increment(std::string_view key, int64_t by,
                                                         const RepeatOptions& options) {
  Promise<IncrementAnswer> promise;
  Increment(key, by, promise.Done(), options);
  return std::move(promise.future);
}

std::future<Result<BatchAnswer>> Pipeline::Batch(const std::vector<BatchItem>& items,
                                                 const RepeatOptions& options) {
  Promise<BatchAnswer> promise;
  Batch(items, promise.Done(), options);
  return std::move(promise.future);
}

void Pipeline::AwaitAll() {
  core_->AwaitAll();
}

}  // namespace kvd::client
