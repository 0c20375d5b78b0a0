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
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "kvd/v1/cluster.grpc.pb.h"
#include "kvd/v1/kv.grpc.pb.h"

namespace kvd::client {
namespace {

constexpr uint32_t kPartitions = 16;

grpc::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kOutcomeUnknown:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Reason::kValueTooLarge:
    case Reason::kKeyTooLarge:
    case Reason::kBadRequest:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Reason::kOverloaded:
    case Reason::kDiskFull:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    default:
      return grpc::StatusCode::UNAVAILABLE;
  }
}

grpc::Status ToStatus(const Refusal& refusal) {
  google::rpc::ErrorInfo info;
  info.set_domain("kvd");
  info.set_reason(std::string(ReasonName(refusal.reason)));
  for (const auto& [field, value] : refusal.metadata) (*info.mutable_metadata())[field] = value;
  google::rpc::Status rich;
  rich.set_code(CodeOf(refusal.reason));
  rich.set_message(refusal.message);
  rich.add_details()->PackFrom(info);
  return {CodeOf(refusal.reason), refusal.message, rich.SerializeAsString()};
}

std::string UuidOf(size_t position) {
  std::string bytes(16, '\x42');
  bytes[15] = static_cast<char>(position);
  return bytes;
}

}  // namespace

class FakeKvd::Services final : public v1::KV::Service, public v1::Cluster::Service {
 public:
  explicit Services(Options options) : options_(std::move(options)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(5 * 1024 * 1024);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::KV::Service*>(this));
    builder.RegisterService(static_cast<v1::Cluster::Service*>(this));
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~Services() override { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& address() const { return address_; }

  template <typename Change>
  void Script(Change change) {
    const std::lock_guard lock(mu_);
    change(*this);
  }

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(mu_);
    Describe(request->key(), response->mutable_served());
    const auto it = entries_.find(request->key());
    if (it == entries_.end()) return grpc::Status::OK;
    response->set_found(true);
    response->set_version(it->second.version);
    if (!request->omit_value()) response->set_value(it->second.value);
    return grpc::Status::OK;
  }

  grpc::Status Put(grpc::ServerContext* context, const v1::PutRequest* request,
                   v1::PutResponse* response) override {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(mu_);
    Describe(request->key(), response->mutable_served());
    entries_[request->key()] = {request->value(), ++version_};
    response->set_version(version_);
    return grpc::Status::OK;
  }

  grpc::Status Delete(grpc::ServerContext* context, const v1::DeleteRequest* request,
                      v1::DeleteResponse* response) override {
    if (auto scripted = Scripted(context)) return *scripted;
    const std::lock_guard lock(mu_);
    Describe(request->key(), response->mutable_served());
    if (entries_.erase(request->key()) == 0) return grpc::Status::OK;
    response->set_found(true);
    response->set_version(++version_);
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
      node->set_address(address_);
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
      node->set_address(address_);
      node->set_state(down_.contains(name) ? v1::NODE_STATE_DOWN : v1::NODE_STATE_UP);
    }
    for (uint32_t i = 0; i < kPartitions; ++i) {
      const auto owner = static_cast<uint32_t>(i % options_.nodes.size());
      auto* partition = response->add_partitions();
      partition->add_replicas(owner);
      partition->set_owner(owner);
      partition->set_term(1);
    }
    return grpc::Status::OK;
  }

  // Guarded by mu_; set through Script().
  std::optional<grpc::Status> scripted_;
  bool hangs_ = false;
  int calls_ = 0;
  std::set<std::string> down_;
  std::string waiting_for_;

 private:
  struct Entry {
    std::string value;
    uint64_t version = 0;
  };

  std::optional<grpc::Status> Scripted(grpc::ServerContext* context) {
    {
      const std::lock_guard lock(mu_);
      ++calls_;
      if (scripted_ || !hangs_) return scripted_;
    }
    // Until the client gives up or the server is stopped.
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return grpc::Status::CANCELLED;
  }

  void Describe(const std::string& key, v1::Served* served) const {
    const uint32_t partition = PartitionOf(key, kPartitions).value;
    served->set_partition(partition);
    served->set_owner(options_.nodes[partition % options_.nodes.size()]);
  }

  const Options options_;
  std::string address_;
  std::mutex mu_;
  std::map<std::string, Entry> entries_;
  uint64_t version_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

FakeKvd::FakeKvd(Options options) : services_(std::make_unique<Services>(std::move(options))) {}
FakeKvd::~FakeKvd() = default;

const std::string& FakeKvd::address() const {
  return services_->address();
}

void FakeKvd::Refuse(Refusal refusal) {
  services_->Script([&](Services& services) { services.scripted_ = ToStatus(refusal); });
}

void FakeKvd::FailWith(int code, std::string message) {
  services_->Script([&](Services& services) {
    services.scripted_ = grpc::Status(static_cast<grpc::StatusCode>(code), message);
  });
}

void FakeKvd::Hang() {
  services_->Script([](Services& services) { services.hangs_ = true; });
}

void FakeKvd::SetDown(const std::string& node) {
  services_->Script([&](Services& services) { services.down_.insert(node); });
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
