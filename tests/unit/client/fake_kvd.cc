#include "fake_kvd.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "common/hash.h"
#include "common/uuid.h"
#include "fake_status.h"
#include "kvd/v1/cluster.grpc.pb.h"
#include "kvd/v1/kv.grpc.pb.h"

namespace kvd::client {
namespace {

constexpr uint32_t kPartitions = 16;

std::string UuidOf(size_t position) {
  std::string bytes(16, '\x42');
  bytes[15] = static_cast<char>(position);
  return bytes;
}

}  // namespace

class FakeKvd::Store {
 public:
  struct Entry {
    std::string value;
    uint64_t version = 0;
  };

  std::mutex mu;
  std::map<std::string, Entry> entries;
  uint64_t version = 0;
  std::map<std::pair<uint64_t, uint64_t>, std::string> applied;  // Answers, by client and sequence.

  [[nodiscard]] uint64_t VersionOf(const std::string& key) const {
    const auto it = entries.find(key);
    return it == entries.end() ? 0 : it->second.version;
  }

  // Sets the answer's fields if the condition of `request` does not hold.
  template <typename Request, typename Response>
  [[nodiscard]] bool Mismatches(const Request& request, Response* response) const {
    const uint64_t actual = VersionOf(request.key());
    if (!request.has_if_version() || request.if_version() == actual) return false;
    response->set_actual_version(actual);
    return true;
  }
};

class FakeKvd::Services final : public v1::KV::Service, public v1::Cluster::Service {
 public:
  explicit Services(Options options) : options_(std::move(options)) {
    store_ = options_.store ? options_.store : MakeStore();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(5 * 1024 * 1024);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::KV::Service*>(this));
    builder.RegisterService(static_cast<v1::Cluster::Service*>(this));
    builder.RegisterService(admin_.service());
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~Services() override { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& address() const { return address_; }
  FakeAdmin& admin() { return admin_; }

  template <typename Change>
  void Script(Change change) {
    const std::lock_guard lock(mu_);
    change(*this);
  }

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(store_->mu);
    Describe(request->key(), response->mutable_served());
    if (request->consistency() == v1::CONSISTENCY_STALE) response->set_staleness_ms(12);
    const auto it = store_->entries.find(request->key());
    if (it == store_->entries.end()) return grpc::Status::OK;
    response->set_found(true);
    response->set_version(it->second.version);
    if (!request->omit_value()) response->set_value(it->second.value);
    return grpc::Status::OK;
  }

  grpc::Status Put(grpc::ServerContext* context, const v1::PutRequest* request,
                   v1::PutResponse* response) override {
    return Write(context, *request, request->key(), response, [&] {
      if (store_->Mismatches(*request, response)) return grpc::Status::OK;
      store_->entries[request->key()] = {request->value(), ++store_->version};
      response->set_written(true);
      response->set_version(store_->version);
      return grpc::Status::OK;
    });
  }

  grpc::Status Delete(grpc::ServerContext* context, const v1::DeleteRequest* request,
                      v1::DeleteResponse* response) override {
    return Write(context, *request, request->key(), response, [&] {
      if (store_->Mismatches(*request, response)) return grpc::Status::OK;
      if (store_->entries.erase(request->key()) == 0) return grpc::Status::OK;
      response->set_found(true);
      response->set_written(true);
      response->set_version(++store_->version);
      return grpc::Status::OK;
    });
  }

  grpc::Status Increment(grpc::ServerContext* context, const v1::IncrementRequest* request,
                         v1::IncrementResponse* response) override {
    return Write(context, *request, request->key(), response, [&] {
      auto& entry = store_->entries[request->key()];
      if (!entry.value.empty() && entry.value.find_first_not_of("-0123456789") == 0) {
        return ToStatus({.reason = Reason::kBadRequest,
                         .message = "the value is not a number",
                         .metadata = {{"field", "value"}}});
      }
      const int64_t sum = (entry.value.empty() ? 0 : std::stoll(entry.value)) + request->by();
      entry = {std::to_string(sum), ++store_->version};
      response->set_value(sum);
      response->set_version(store_->version);
      return grpc::Status::OK;
    });
  }

  grpc::Status Batch(grpc::ServerContext* context, const v1::BatchRequest* request,
                     v1::BatchResponse* response) override {
    return Write(context, *request, request->items(0).key(), response, [&] {
      for (const v1::BatchItem& item : request->items()) {
        if (!store_->Mismatches(item, response)) continue;
        response->set_failed_key(item.key());
        return grpc::Status::OK;
      }
      ++store_->version;
      for (const v1::BatchItem& item : request->items()) {
        if (item.has_put()) {
          store_->entries[item.key()] = {item.put().value(), store_->version};
        } else {
          store_->entries.erase(item.key());
        }
      }
      response->set_written(true);
      response->set_version(store_->version);
      return grpc::Status::OK;
    });
  }

  grpc::Status Pipeline(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::PipelineResponse, v1::PipelineRequest>* stream) override {
    v1::PipelineRequest request;
    while (stream->Read(&request)) {
      for (const auto& asked : request.operations()) {
        if (const Duration pause = PauseNow(); pause > Duration::zero()) {
          std::this_thread::sleep_for(pause);
        }
        v1::PipelineResponse response;
        const grpc::Status status = AnswerOne(context, asked, *response.add_answers());
        if (!status.ok()) return status;
        stream->Write(response);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Ping(grpc::ServerContext* /*context*/, const v1::PingRequest* /*request*/,
                    v1::PingResponse* response) override {
    response->set_cluster("demo");
    response->set_node(options_.node);
    response->set_cluster_id(UuidOf(99));
    response->set_node_uuid(UuidOf(1));
    response->set_version("0.1.0");
    response->set_feature_level(1);
    return grpc::Status::OK;
  }

  grpc::Status GetStatus(grpc::ServerContext* /*context*/, const v1::GetStatusRequest* /*request*/,
                         v1::GetStatusResponse* response) override {
    const std::lock_guard lock(mu_);
    response->set_cluster("demo");
    response->set_epoch(waiting_for_.empty() ? 1 : 0);
    response->set_partitions(kPartitions);
    response->set_replication(1);
    response->set_replication_wished(3);
    response->set_answered_by(options_.node);
    response->set_waiting_for(waiting_for_);
    for (size_t i = 0; i < options_.nodes.size(); ++i) {
      auto* node = response->add_nodes();
      node->set_name(options_.nodes[i]);
      node->set_uuid(UuidOf(i));
      node->set_address(AddressOf(node->name()));
      node->set_peer_address("127.0.0.1:740" + std::to_string(i + 1));
      node->set_owned(static_cast<uint32_t>(kPartitions / options_.nodes.size()));
      node->set_replicas(node->owned());
      const bool down = down_.contains(node->name());
      node->set_state(down ? v1::NODE_STATE_DOWN : v1::NODE_STATE_UP);
      if (down) node->set_silent_ms(252'000);
      if (down) node->set_silent_reason("connection refused");
    }
    return grpc::Status::OK;
  }

  grpc::Status GetRing(grpc::ServerContext* context, const v1::GetRingRequest* /*request*/,
                       v1::GetRingResponse* response) override {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(mu_);
    response->set_cluster("demo");
    response->set_epoch(1);
    response->set_replication(1);
    for (const std::string& name : options_.nodes) {
      auto* node = response->add_nodes();
      node->set_name(name);
      node->set_address(AddressOf(name));
      node->set_state(down_.contains(name) ? v1::NODE_STATE_DOWN : v1::NODE_STATE_UP);
    }
    for (uint32_t i = 0; i < kPartitions; ++i) {
      const auto owner = static_cast<uint32_t>(i % options_.nodes.size());
      auto* partition = response->add_partitions();
      partition->add_replicas(owner);
      partition->set_owner(owner);
      partition->set_term(1);
      partition->set_base(floor_);
    }
    return grpc::Status::OK;
  }

  // Guarded by mu_; set through Script().
  std::optional<grpc::Status> scripted_;
  bool hangs_ = false;
  Duration pause_{};
  int calls_ = 0;
  std::set<std::string> down_;
  std::map<std::string, std::string> addresses_;
  std::string waiting_for_;

  int script_left_ = 0;
  int hangs_left_ = 0;
  int lost_answers_ = 0;
  uint64_t floor_ = 0;
  std::vector<SeenId> ids_;

 private:
  // At most once per request id, as the real one.
  template <typename Request, typename Response, typename Apply>
  grpc::Status Write(grpc::ServerContext* context, const Request& request, const std::string& key,
                     Response* response, Apply apply) {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(mu_);
    const std::lock_guard store_lock(store_->mu);
    const v1::RequestId& id = request.request_id();
    ids_.push_back({id.client(), id.sequence(), id.done_below(), id.base()});
    const auto applied = store_->applied.find({id.client(), id.sequence()});
    if (request.has_request_id() && applied != store_->applied.end()) {
      response->ParseFromString(applied->second);
      return grpc::Status::OK;
    }
    if (request.has_request_id() && id.base() < floor_) {
      return ToStatus({.reason = Reason::kBaseTooOld, .message = "base too old"});
    }
    Describe(key, response->mutable_served());
    grpc::Status status = apply();
    if (status.ok() && request.has_request_id()) {
      store_->applied[{id.client(), id.sequence()}] = response->SerializeAsString();
    }
    if (lost_answers_ == 0) return status;
    --lost_answers_;
    return {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
  }

  std::optional<grpc::Status> Scripted(grpc::ServerContext* context) {
    {
      const std::lock_guard lock(mu_);
      ++calls_;
      if (scripted_ && script_left_ != 0) {
        --script_left_;  // Below zero: for ever.
        return scripted_;
      }
      if (hangs_left_ == 0 && !hangs_) return std::nullopt;
    }
    return Wait(context);
  }

  // Until the client gives up, the server is stopped, or it resumes.
  std::optional<grpc::Status> Wait(grpc::ServerContext* context) {
    bool is_for_good = false;
    {
      const std::lock_guard lock(mu_);
      is_for_good = hangs_left_ > 0;
      if (is_for_good) --hangs_left_;
    }
    while (!context->IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::lock_guard lock(mu_);
      if (!is_for_good && !hangs_) return std::nullopt;
    }
    return grpc::Status::CANCELLED;
  }

  [[nodiscard]] std::string AddressOf(const std::string& node) const {
    const auto elsewhere = addresses_.find(node);
    return elsewhere != addresses_.end() ? elsewhere->second : address_;
  }

  // A refusal answers the operation; whatever else is no answer ends the stream.
  template <typename Request, typename Response>
  grpc::Status AnswerOne(grpc::Status (Services::*method)(grpc::ServerContext*, const Request*,
                                                          Response*),
                         grpc::ServerContext* context, const Request& request, Response* response,
                         v1::PipelineResponse::Answer& answer) {
    const grpc::Status status = (this->*method)(context, &request, response);
    if (status.ok()) return status;
    answer.clear_result();
    if (!answer.mutable_refusal()->ParseFromString(status.error_details()) ||
        status.error_details().empty()) {
      return status;
    }
    return grpc::Status::OK;
  }

  grpc::Status AnswerOne(grpc::ServerContext* context, const v1::PipelineRequest::Operation& asked,
                         v1::PipelineResponse::Answer& answer) {
    using Operation = v1::PipelineRequest::Operation;
    answer.set_tag(asked.tag());
    switch (asked.request_case()) {
      case Operation::kGet:
        return AnswerOne(&Services::Get, context, asked.get(), answer.mutable_get(), answer);
      case Operation::kPut:
        return AnswerOne(&Services::Put, context, asked.put(), answer.mutable_put(), answer);
      case Operation::kDelete:
        return AnswerOne(&Services::Delete, context, asked.delete_(), answer.mutable_delete_(),
                         answer);
      case Operation::kIncrement:
        return AnswerOne(&Services::Increment, context, asked.increment(),
                         answer.mutable_increment(), answer);
      case Operation::kBatch:
        return AnswerOne(&Services::Batch, context, asked.batch(), answer.mutable_batch(), answer);
      case Operation::REQUEST_NOT_SET:
        break;
    }
    return {grpc::StatusCode::INVALID_ARGUMENT, "no request"};
  }

  [[nodiscard]] Duration PauseNow() {
    const std::lock_guard lock(mu_);
    return pause_;
  }

  void Describe(const std::string& key, v1::Served* served) const {
    const uint32_t partition = PartitionOf(key, kPartitions).value;
    served->set_partition(partition);
    served->set_owner(options_.nodes[partition % options_.nodes.size()]);
  }

  const Options options_;
  FakeAdmin admin_;
  std::string address_;
  std::mutex mu_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<grpc::Server> server_;
};

FakeKvd::FakeKvd(Options options) : services_(std::make_unique<Services>(std::move(options))) {}
FakeKvd::~FakeKvd() = default;

const std::string& FakeKvd::address() const {
  return services_->address();
}

void FakeKvd::Refuse(Refusal refusal) {
  RefuseNext(-1, std::move(refusal));
}

void FakeKvd::RefuseNext(int times, Refusal refusal) {
  services_->Script([&](Services& services) {
    services.scripted_ = ToStatus(refusal);
    services.script_left_ = times;
  });
}

void FakeKvd::LoseAnswers(int times) {
  services_->Script([&](Services& services) { services.lost_answers_ = times; });
}

void FakeKvd::SetFloor(uint64_t floor) {
  services_->Script([&](Services& services) { services.floor_ = floor; });
}

void FakeKvd::HangNext(int times) {
  services_->Script([&](Services& services) { services.hangs_left_ = times; });
}

std::vector<FakeKvd::SeenId> FakeKvd::ids() const {
  std::vector<SeenId> ids;
  services_->Script([&](Services& services) { ids = services.ids_; });
  return ids;
}

std::shared_ptr<FakeKvd::Store> FakeKvd::MakeStore() {
  return std::make_shared<Store>();
}

void FakeKvd::FailWith(int code, std::string message) {
  services_->Script([&](Services& services) {
    services.scripted_ = grpc::Status(static_cast<grpc::StatusCode>(code), message);
    services.script_left_ = -1;
  });
}

void FakeKvd::SlowDown(Duration pause) {
  services_->Script([&](Services& services) { services.pause_ = pause; });
}

void FakeKvd::Hang() {
  services_->Script([](Services& services) { services.hangs_ = true; });
}

void FakeKvd::Resume() {
  services_->Script([](Services& services) { services.hangs_ = false; });
}

void FakeKvd::SetDown(const std::string& node) {
  services_->Script([&](Services& services) { services.down_.insert(node); });
}

void FakeKvd::SetAddress(const std::string& node, std::string address) {
  services_->Script([&](Services& services) { services.addresses_[node] = std::move(address); });
}

FakeAdmin& FakeKvd::admin() {
  return services_->admin();
}

void FakeKvd::SetWaitingFor(std::string what) {
  services_->Script([&](Services& services) { services.waiting_for_ = what; });
}

int FakeKvd::calls() const {
  int calls = 0;
  services_->Script([&](Services& services) { calls = services.calls_; });
  return calls;
}

}  // namespace kvd::client
