#include "server/daemon/instance.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>
#include <utility>

#include "config/facts.h"
#include "server/daemon/ports.h"
#include "server/runtime/look.h"
#include "server/storage/rocks/shared_memory.h"
#include "server/storage/segments/segment_log.h"

namespace kvd::daemon {
namespace {

// Identities must differ between processes: the one place, beside the salts of the log's segments,
// that asks the operating system for chance.
Random SystemRandom() {
  std::random_device device;
  return Random(static_cast<uint64_t>(device()) << 32U | device());
}

topology::ClusterTerms TermsOf(const config::ClusterFile& file) {
  topology::ClusterTerms terms{.name = file.cluster.name,
                               .partitions = file.cluster.partitions,
                               .replication = file.cluster.copies(),
                               .node_names = {}};
  for (const auto& node : file.nodes) terms.node_names.push_back(node.name);
  std::ranges::sort(terms.node_names);
  return terms;
}

std::vector<topology::Founding::Peer> PeersOf(const Setup& setup) {
  std::vector<topology::Founding::Peer> peers;
  for (size_t i = 0; i < setup.file.nodes.size(); ++i) {
    const config::NodeSettings node = config::Resolve(setup.file, i);
    if (node.name == setup.node.name) continue;
    peers.push_back({node.name, node.peer_address.ToString()});
  }
  return peers;
}

std::vector<std::string> JoinOf(const Setup& setup) {
  std::vector<std::string> addresses;
  for (const config::HostPort& each : setup.join) addresses.push_back(each.ToString());
  return addresses;
}

node::SystemGroup::Options SystemOf(const config::ClusterFile& file) {
  return {.bytes_per_second = file.rebalance.max_bytes_per_second,
          .transfers = file.rebalance.max_concurrent,
          .removal = {.remove_after = file.topology.remove_after}};
}

node::Limits LimitsOf(const config::ClusterFile& file) {
  return {.max_key_bytes = file.limits.max_key_bytes,
          .max_value_bytes = file.limits.max_value_bytes,
          .max_inflight_bytes = file.limits.max_inflight_bytes,
          .request_default = file.timeouts.request,
          .request_max = file.timeouts.request_max};
}

storage::Compression CompressionOf(config::Compression compression) {
  switch (compression) {
    case config::Compression::kNone:
      return storage::Compression::kNone;
    case config::Compression::kLz4:
      return storage::Compression::kLz4;
    case config::Compression::kZstd:
      return storage::Compression::kZstd;
    case config::Compression::kSnappy:
      return storage::Compression::kSnappy;
  }
  return storage::Compression::kNone;
}

// One up to four cores: the event loop, the log writer and the applier are threads too.
uint32_t CountShards(uint32_t wished) {
  constexpr uint32_t kCoresEach = 4;
  const uint32_t cores = std::thread::hardware_concurrency();
  if (wished == 0) wished = std::max((cores + kCoresEach - 1) / kCoresEach, 1U);
  return std::min(wished, node::kMaxShards);
}

// Of the partitions owned here, when the node stops: an election takes milliseconds.
constexpr Duration kHandOverTime = std::chrono::seconds(2);

// Whether the two records of the data directory `path` are of one piece, and of a member.
Status CheckMembership(const storage::Identity& identity, const topology::Topology& topology,
                       const std::string& path) {
  if (const auto* removed = topology.FindRemoved(identity.node_uuid)) {
    return MakeStatus(
        StatusCode::kFailedPrecondition,
        fmt::format("{} was removed from cluster {} at epoch {}, and {} is what it held: move that "
                    "directory away to join as a new node",
                    removed->name, topology.cluster_name, removed->at.value, path));
  }
  if (topology.Find(identity.node_uuid) == nullptr) {
    return MakeStatus(
        StatusCode::kDataLoss,
        fmt::format("{}: IDENTITY is of {}, which is no member of the topology beside it; "
                    "empty the directory to join as a new node",
                    path, identity.node_uuid.ToString()));
  }
  if (identity.cluster_id == topology.cluster_id) return OkStatus();
  return MakeStatus(StatusCode::kFailedPrecondition,
                    fmt::format("{}: kvd recover was begun here and not finished; run it again, "
                                "with the same directories",
                                path));
}

bool ServesReflection(const Setup& setup) {
  if (setup.file.debug.reflection == config::Reflection::kAuto) {
    return setup.node.listen.is_loopback();
  }
  return setup.file.debug.reflection == config::Reflection::kOn;
}

}  // namespace

Instance::Instance(const Setup& setup, observability::LineLogger& logger)
    : setup_(setup), logger_(logger) {}

Instance::~Instance() {
  observation_.reset();
  if (server_ != nullptr) server_->Stop(Duration::zero());
  if (runtime_ != nullptr) runtime_->Stop();
}

OrFailure<std::unique_ptr<Instance>> Instance::Start(const Setup& setup,
                                                     observability::LineLogger& logger) {
  if (auto taken = WhatIsTaken(setup.node)) return *std::move(taken);
  std::unique_ptr<Instance> instance(new Instance(setup, logger));
  if (auto failure = instance->OpenData()) return *std::move(failure);
  if (auto failure = instance->Serve()) return *std::move(failure);
  return instance;
}

std::optional<Failure> Instance::OpenData() {
  auto dir = storage::DataDir::Open(setup_.node.data_dir);
  if (!dir.ok()) return StorageFailure(dir.status());
  data_dir_ = *std::move(dir);
  const bool was_clean = data_dir_->was_clean();
  // One after the other: what is refused is not touched by the next step.
  if (const Status own = TakeIdentity(); !own.ok()) return StorageFailure(own);
  CloseToOthers();
  if (const Status open = OpenDatabases(was_clean); !open.ok()) return StorageFailure(open);
  if (const Status known = Recover(); !known.ok()) return StorageFailure(known);
  return std::nullopt;
}

// A folder that was there before has whatever rights its maker gave it.
void Instance::CloseToOthers() {
  struct stat info {};
  const std::string& path = data_dir_->path();
  if (stat(path.c_str(), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  const bool closed = chmod(path.c_str(), S_IRWXU) == 0;
  logger_.Write({LogLevel::kWarn,
                 "daemon",
                 closed ? "data directory was open to others, its mode is 0700 now"
                        : "data directory is open to others and not ours to close; its owner must "
                          "give it to kvd and chmod 700 it",
                 {{"data_dir", path}, {"mode", fmt::format("{:04o}", info.st_mode & 07777U)}}});
}

Status Instance::TakeIdentity() {
  Random random = SystemRandom();
  if (const auto& found = data_dir_->identity()) {
    KVD_RETURN_IF_ERROR(
        storage::CheckBelongsTo(*found, setup_.node.name, setup_.file.cluster.name));
    const auto& expected = setup_.file.cluster.id;
    if (expected && !found->cluster_id.is_nil() && *expected != found->cluster_id) {
      return MakeStatus(
          StatusCode::kFailedPrecondition,
          fmt::format("{} belongs to cluster {}, but cluster.id in {} is {}", data_dir_->path(),
                      found->cluster_id.ToString(), setup_.path, expected->ToString()));
    }
    identity_ = *found;
  } else {
    identity_ = {.node_uuid = Uuid::Draw(random),
                 .node_name = setup_.node.name,
                 .cluster_name = setup_.file.cluster.name,
                 .cluster_id = {},
                 .founder_uuid = {},
                 .boot = {}};
  }
  identity_.boot = {.counter = identity_.boot.counter + 1, .nonce = random.Next()};
  KVD_RETURN_IF_ERROR(data_dir_->MarkRunning());
  return data_dir_->SetIdentity(identity_);
}

Status Instance::OpenDatabases(bool was_clean) {
  reserve_.emplace(data_dir_->path());
  const auto memory = storage::MakeSharedMemory(setup_.file.storage.block_cache);
  const auto fatal = [this](const Status& status) { Fatal(status); };
  const auto synced = [this](uint64_t bytes, Duration took) {
    storage_metrics_.NoteSynced(bytes, took);
  };
  const bool bound = !identity_.cluster_id.is_nil();
  KVD_ASSIGN_OR_RETURN(
      auto opened, storage::OpenSegmentLog(data_dir_->log_path(), {.last_stop_was_clean = was_clean,
                                                                   .must_exist = bound,
                                                                   .on_fatal = fatal,
                                                                   .on_synced = synced,
                                                                   .clock = &clock_}));
  if (opened.cut) logger_.Write({LogLevel::kWarn, "storage", *opened.cut, {}});
  log_ = std::move(opened.log);
  KVD_ASSIGN_OR_RETURN(behind_, storage::OpenRocksStore(
                                    data_dir_->data_path(),
                                    {.must_exist = bound,
                                     .write_buffer_bytes = setup_.file.storage.write_buffer,
                                     .compression = CompressionOf(setup_.file.storage.compression),
                                     .memory = memory,
                                     .on_fatal = fatal}));
  store_ =
      std::make_unique<storage::WriteBackStore>(*behind_, setup_.file.storage.write_buffer / 4);
  machines_ = std::make_unique<partition::StateMachines>(*store_);
  return OkStatus();
}

// Directories of before there was a TOPOLOGY hold it in the log. A process that dies half-way
// leaves both, which are the same.
StatusOr<std::optional<std::string>> Instance::KeptTopology() {
  KVD_ASSIGN_OR_RETURN(auto kept, data_dir_->Read(storage::KeptRecord::kTopology));
  KVD_ASSIGN_OR_RETURN(auto in_log, node::ReadTopologyInLog(*log_));
  if (!in_log) return kept;
  if (!kept) {
    KVD_RETURN_IF_ERROR(data_dir_->Keep(storage::KeptRecord::kTopology, *in_log));
    kept = std::move(in_log);
  }
  KVD_RETURN_IF_ERROR(node::ForgetTopologyInLog(*log_));
  return kept;
}

Status Instance::Recover() {
  const Instant started = clock_.Now();
  KVD_ASSIGN_OR_RETURN(const auto kept, KeptTopology());
  auto recovered = node::Recover(*log_, *machines_, kept);
  if (!recovered.ok()) return Annotate(recovered.status(), data_dir_->path());
  recovery_ = *std::move(recovered);
  logger_.Write(
      {LogLevel::kInfo,
       "storage",
       "recovered",
       {{"partitions", fmt::to_string(recovery_.replicas.size())},
        {"entries", fmt::to_string(recovery_.entries)},
        {"bytes", fmt::to_string(recovery_.bytes)},
        {"disk_bytes", fmt::to_string(log_->disk_bytes() + store_->disk_bytes())},
        {"ms", fmt::to_string((clock_.Now() - started) / std::chrono::milliseconds(1))}}});
  const auto& topology = recovery_.topology;
  if (!topology) return OkStatus();
  KVD_RETURN_IF_ERROR(Annotate(topology::CheckTerms(TermsOf(setup_.file), *topology), setup_.path));
  KVD_RETURN_IF_ERROR(CheckMembership(identity_, *topology, data_dir_->path()));
  KVD_ASSIGN_OR_RETURN(const auto boots, data_dir_->Read(storage::KeptRecord::kBoots));
  if (boots) {
    auto decoded = topology::Boots::Decode(*boots, topology->cluster_id);
    if (!decoded.ok()) return Annotate(decoded.status(), data_dir_->path() + "/BOOTS");
    boots_ = *std::move(decoded);
  }
  if (setup_.join.empty()) return OkStatus();
  logger_.Write({LogLevel::kInfo,
                 "daemon",
                 "this node is a member of its cluster already, --join is not needed",
                 {{"cluster", topology->cluster_name}, {"id", topology->cluster_id.ToString()}}});
  return OkStatus();
}

node::Node::Options Instance::NodeOptions() {
  Random random = SystemRandom();
  return {.founding = {.self = {.name = setup_.node.name,
                                .uuid = identity_.node_uuid,
                                .address = setup_.node.address.ToString(),
                                .peer_address = setup_.node.peer_address.ToString(),
                                .zone = setup_.node.zone},
                       .boot = {.counter = identity_.boot.counter, .nonce = identity_.boot.nonce},
                       .terms = TermsOf(setup_.file),
                       .peers = PeersOf(setup_),
                       .join = JoinOf(setup_),
                       .cluster_id = setup_.file.cluster.id,
                       .binding = {.cluster_id = identity_.cluster_id,
                                   .founder = identity_.founder_uuid},
                       .topology = recovery_.topology,
                       .fresh_cluster_id = Uuid::Draw(random)},
          .peers = {.heartbeat_interval = setup_.file.topology.heartbeat_interval, .detector = {}},
          .replicas = {},
          .snapshots = {},
          .handback = {.first = setup_.file.topology.handback_after},
          .system = SystemOf(setup_.file),
          .limits = LimitsOf(setup_.file),
          .recovered = std::move(recovery_.replicas),
          .tombstones = recovery_.tombstones,
          .boots = std::move(boots_)};
}

std::optional<Failure> Instance::Serve() {
  runtime_ = std::make_unique<runtime::Runtime>(
      runtime::Runtime::Options{
          .node = NodeOptions(),
          .shards = CountShards(setup_.node.shards),
          .flush_every = {.bytes = setup_.file.storage.write_buffer},
          .measure_disk = [this] { return MeasureDisk(); },
          .on_applied = [this](Duration took) { storage_metrics_.NoteApplied(took); },
          .on_fatal = [this](const Status& status) { Fatal(status); },
          .on_condemned = [this](const std::string& why) { Condemned(why); },
          .on_removed = [] { kill(getpid(), SIGTERM); }},
      *log_, *data_dir_, *machines_, clock_, logger_);
  server_ = std::make_unique<rpc::Server>(
      rpc::Server::Options{.listen = setup_.node.listen.ToString(),
                           .peer_listen = setup_.node.peer_listen.ToString(),
                           .self = identity_.node_uuid,
                           .peer_connect = setup_.file.timeouts.peer_connect,
                           .reflection = ServesReflection(setup_)},
      *runtime_, logger_);
  if (auto failure = BeObserved()) return failure;
  if (const Status started = server_->Start(); !started.ok()) {
    observation_.reset();  // It would be found to have the port.
    // Somebody came in between, whom gRPC does not name.
    return WhatIsTaken(setup_.node).value_or(Failure{kPortInUse, Message(started)});
  }
  runtime_->Start(*server_);
  SayServes();
  return std::nullopt;
}

std::optional<Failure> Instance::BeObserved() {
  const auto& at = setup_.node.http_listen;
  if (!at) return std::nullopt;
  auto serving = Observation::Serve(*at, {.runtime = *runtime_,
                                          .server = *server_,
                                          .storage = storage_metrics_,
                                          .store = *store_,
                                          .on_disk = *behind_});
  if (!serving.ok()) {
    return WhatIsTaken(setup_.node)
        .value_or(Failure{kPortInUse, "http_listen: " + Message(serving.status())});
  }
  observation_ = *std::move(serving);
  return std::nullopt;
}

void Instance::SayServes() const {
  LogLine line{LogLevel::kInfo,
               "daemon",
               "kvd " KVD_VERSION " serves",
               {{"cluster", setup_.file.cluster.name},
                {"address", setup_.node.listen.ToString()},
                {"peer_address", setup_.node.peer_listen.ToString()}}};
  if (observation_ != nullptr) {
    line.fields.emplace_back("http_address", observation_->address().ToString());
  }
  line.fields.emplace_back("data_dir", data_dir_->path());
  line.fields.emplace_back("uuid", identity_.node_uuid.ToString());
  line.fields.emplace_back("boot", fmt::to_string(identity_.boot.counter));
  logger_.Write(line);
}

runtime::DiskSpace Instance::MeasureDisk() {
  runtime::DiskSpace space;
  StorageMetrics::Disk found{.log_bytes = log_->disk_bytes(), .data_bytes = store_->disk_bytes()};
  space.used_bytes = found.log_bytes + found.data_bytes;
  struct statvfs disk {};
  if (statvfs(data_dir_->path().c_str(), &disk) != 0) return space;
  const uint64_t block = disk.f_frsize;
  const uint64_t free = disk.f_bavail * block;
  space.disk = {.used_bytes = disk.f_blocks * block - free,
                .capacity_bytes = disk.f_blocks * block};
  found.free_bytes = free;
  found.capacity_bytes = space.disk.capacity_bytes;
  storage_metrics_.NoteDisk(found);
  const uint64_t keep = setup_.file.storage.min_free.Of(disk.f_blocks * block);
  space.full = free < keep;
  KeepReserve(free, keep);
  return space;
}

// Votes and deletes must be written even where somebody else filled the disk.
void Instance::KeepReserve(uint64_t free, uint64_t keep) {
  constexpr uint64_t kAlmostNothing = uint64_t{16} << 20U;
  if (reserve_->held() && free < kAlmostNothing) {
    const Status released = reserve_->Release();
    logger_.Write({LogLevel::kError,
                   "storage",
                   released.ok() ? "the disk is full, its reserve is given up: make room"
                                 : "the disk is full: " + Message(released),
                   {}});
  } else if (!reserve_->held() && free > keep + reserve_->bytes()) {
    const Status taken = reserve_->Take(keep);
    if (!taken.ok()) logger_.Write({LogLevel::kWarn, "storage", Message(taken), {}});
  }
}

// Nothing may be said or promised any more, so nothing is torn down either.
void Instance::Fatal(const Status& status) {
  logger_.Write({LogLevel::kError, "daemon", "stopping at once: " + Message(status), {}});
  _exit(StorageFailure(status).code);
}

// Each start counts one boot further: one that is not refused by the directory itself may be taken
// for a restart.
void Instance::Condemned(const std::string& why) {
  if (const Status written = data_dir_->Condemn(why); !written.ok()) {
    logger_.Write({LogLevel::kError,
                   "daemon",
                   "do not start kvd on this directory again: " + Message(written),
                   {}});
  }
  Fatal(MakeStatus(StatusCode::kFailedPrecondition, why));
}

void Instance::StartDraining() {
  server_->SetServing(false);
  runtime_->PostToAll([](node::Node& node, Instant now) { node.StartDraining(now); });
}

Status Instance::Stop(Duration grace) {
  const Instant deadline = clock_.Now() + grace;
  const auto left = [&] { return std::max(Duration::zero(), deadline - clock_.Now()); };
  const auto idle = [](const node::Node& node) { return node.IsIdle(); };
  // Ownership first: while it is handed over, operations are still served, here or there.
  (void)runtime_->WaitUntil([](const node::Node& node) { return node.HasHandedOver(); },
                            std::min(left(), kHandOverTime));
  runtime_->PostToAll([](node::Node& node, Instant) { node.StopAccepting(); });
  // Forwards of peers are underway too, and no call of ours waits for them. Asked twice: the second
  // answer comes after the effects of the first were handed on.
  if (runtime_->WaitUntil(idle, left())) {
    (void)runtime_->WaitUntil(idle, left());
  }
  server_->Stop(left());
  observation_.reset();
  runtime_->Stop();
  machines_.reset();
  store_.reset();
  behind_.reset();
  log_.reset();
  return data_dir_->MarkClean();
}

void Instance::LogState() {
  runtime_->PostToAll([this](node::Node& node, Instant now) {
    logger_.Write({LogLevel::kInfo,
                   "daemon",
                   "shard, as asked by SIGUSR2",
                   {{"shard", fmt::to_string(node.shard().index)},
                    {"next_wake_ms",
                     fmt::to_string((node.NextWakeAt() - now) / std::chrono::milliseconds(1))}}});
  });
  runtime::Look(*runtime_, /*at_ring=*/false, [this](const std::optional<runtime::Seen>& seen) {
    if (!seen) return;
    const node::ClusterView& view = seen->cluster;
    logger_.Write({LogLevel::kInfo,
                   "daemon",
                   view.waiting_for.empty() ? "state, as asked by SIGUSR2" : view.waiting_for,
                   {{"epoch", fmt::to_string(view.epoch.value)}}});
    for (const node::NodeView& each : view.nodes) {
      logger_.Write({LogLevel::kInfo,
                     "daemon",
                     "node, as seen from here",
                     {{"name", each.card.name},
                      {"state", fmt::to_string(static_cast<int>(each.state))},
                      {"reason", each.silent_reason},
                      {"owned", fmt::to_string(each.owned)},
                      {"keys", fmt::to_string(each.load ? each.load->keys : 0)}}});
    }
  });
}

std::vector<std::string> Instance::Reload(const Setup& setup) {
  const auto changes = config::Compare(setup_.file, setup.file);
  std::vector<std::string> need_restart;
  for (const config::Change& change : changes) {
    const auto starts_with = [&](std::string_view prefix) {
      return change.key.starts_with(prefix);
    };
    const bool applies = change.key == "log.level" || change.key == "limits.max_key_bytes" ||
                         change.key == "limits.max_value_bytes" ||
                         change.key == "limits.max_inflight_bytes" ||
                         starts_with("timeouts.request") || starts_with("timeouts.drain");
    if (!applies) need_restart.push_back(change.key);
    logger_.Write({LogLevel::kInfo,
                   "daemon",
                   applies ? "configuration changed" : "configuration changed, needs a restart",
                   {{"key", change.key}, {"before", change.before}, {"after", change.after}}});
  }
  logger_.SetLevel(setup.node.log_level);
  // Only what applies: the rest is compared, and reported, again.
  config::Limits limits = setup.file.limits;
  limits.max_connections = setup_.file.limits.max_connections;
  config::Timeouts timeouts = setup.file.timeouts;
  timeouts.peer_connect = setup_.file.timeouts.peer_connect;
  setup_.file.limits = limits;
  setup_.file.timeouts = timeouts;
  setup_.file.log.level = setup.file.log.level;
  runtime_->PostToAll(
      [in_force = LimitsOf(setup.file)](node::Node& node, Instant) { node.SetLimits(in_force); });
  return need_restart;
}

}  // namespace kvd::daemon
