#include "server/rpc/kv_service.h"

#include "server/rpc/convert.h"
#include "server/rpc/operation_call.h"

namespace kvd::rpc {
namespace {

// Calls announced to gRPC at any time, per method: what arrives beyond them waits in gRPC.
constexpr int kAnnounced = 64;
constexpr int kStreamsAnnounced = 8;

using Service = pb::KV::AsyncService;

template <typename Request, typename Response>
using KvCall = OperationCall<Service, Request, Response>;

}  // namespace

void KvService::Start() {
  for (int i = 0; i < kAnnounced; ++i) {
    KvCall<pb::GetRequest, pb::GetResponse>::New({service_, &Service::RequestGet, loop_},
                                                 &FromProto, calls_);
    KvCall<pb::PutRequest, pb::PutResponse>::New({service_, &Service::RequestPut, loop_},
                                                 &FromProto, calls_);
    KvCall<pb::DeleteRequest, pb::DeleteResponse>::New({service_, &Service::RequestDelete, loop_},
                                                       &FromProto, calls_);
    KvCall<pb::IncrementRequest, pb::IncrementResponse>::New(
        {service_, &Service::RequestIncrement, loop_}, &FromProto, calls_);
    KvCall<pb::BatchRequest, pb::BatchResponse>::New({service_, &Service::RequestBatch, loop_},
                                                     &FromProto, calls_);
  }
  for (int i = 0; i < kStreamsAnnounced; ++i) PipelineCall::New(service_, pipelines_);
}

void KvService::Stop() {
  loop_.Post([this] {
    pipelines_.stopping = true;
    for (PipelineCall* call : pipelines_.open) call->Stop();
  });
}

}  // namespace kvd::rpc
