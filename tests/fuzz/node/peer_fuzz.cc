// Everything a peer may send. The first byte of the input chooses what the rest is: a frame, a
// greeting, an answer to one, a topology record, or the payload of an entry of a partition's or the
// system group's log.
//
// What must hold: no crash; what is decoded, encoded again, means the same; and a node that got it
// still works: it serves a write, and answers every forward.
//
// With the high bit set a frame or greeting is put into an envelope that the node accepts, so that
// the fuzzer reaches what lies behind it.

#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/node/node.h"
#include "server/partition/command.h"
#include "server/rpc/convert.h"
#include "server/topology/decision.h"
#include "server/topology/topology.h"
#include "tests/unit/server/rpc/frame_values.h"

namespace kvd::rpc {
namespace {

constexpr NodeId kSelf{1};
constexpr NodeId kPeer{2};
constexpr uint32_t kPartitions = 16;
constexpr uint8_t kSealed = 0x80;

void Require(bool condition) {
  if (!condition) std::abort();
}

Uuid UuidOf(uint8_t digit) {
  Uuid uuid;
  uuid.bytes.fill(digit);
  return uuid;
}

topology::NodeCard CardOf(const std::string& name, uint8_t digit) {
  return {.name = name,
          .uuid = UuidOf(digit),
          .address = name + ":7400",
          .peer_address = name + ":7401",
          .zone = ""};
}

topology::ClusterTerms Terms() {
  return {.name = "demo",
          .partitions = kPartitions,
          .replication = 3,
          .node_names = {"n1", "n2", "n3"}};
}

const topology::Topology& Founded() {
  static const topology::Topology kTopology = topology::FoundTopology(
      UuidOf(0xcc), Terms(), {CardOf("n1", 1), CardOf("n2", 2), CardOf("n3", 3)});
  return kTopology;
}

topology::Founding::Options FoundingOptions(bool founded) {
  topology::Founding::Options options;
  options.self = CardOf("n1", 1);
  options.boot = {.counter = 2, .nonce = 1};
  options.terms = Terms();
  options.peers = {{"n2", "n2:7401"}, {"n3", "n3:7401"}};
  options.binding = {UuidOf(0xcc), UuidOf(1)};
  options.fresh_cluster_id = UuidOf(0xcc);
  if (founded) options.topology = Founded();
  return options;
}

node::Node::Options OptionsOf(bool founded) {
  node::Node::Options options;
  options.founding = FoundingOptions(founded);
  return options;
}

// What an entry comes to. Entries may be a peer's: what is no command does nothing.
partition::Outcome OutcomeOf(const storage::Entry& entry) {
  partition::Outcome outcome{.index = entry.index, .term = entry.term};
  const bool is_command = entry.kind == storage::EntryKind::kCommand && !entry.payload.empty();
  if (!is_command || !partition::DecodeCommand(entry.payload).ok()) return outcome;
  outcome.what = partition::Written{entry.index};
  outcome.version = entry.index;
  return outcome;
}

// n1 as it is driven, on a disk that does everything at once and keeps nothing.
class World {
 public:
  explicit World(bool founded) : node_(OptionsOf(founded), now_) {
    node_.OnLinkUp(kPeer, now_);
    Settle();
  }

  node::Node& node() { return node_; }
  [[nodiscard]] Instant now() const { return now_; }

  // Carries out what the node wants, until it wants nothing.
  void Settle() {
    while (Work(node_.TakeEffects())) {
      if (node_.replicas() != nullptr && node_.replicas()->CountLed() > 0) led_ = true;
    }
  }

  void Pass(Duration duration) {
    now_ += duration;
    node_.Advance(now_);
    Settle();
  }

  // Whatever came, the node still answers, and owes nothing to anyone.
  void RequireAlive() {
    for (const char* key : {"a", "b", "c", "d"}) {
      const size_t before = answers_;
      node_.OnCall(node::CallId{++last_call_}, {.key = key, .action = node::Put{.value = "v"}},
                   std::chrono::milliseconds(10), now_);
      Settle();
      Pass(std::chrono::milliseconds(10));
      Require(answers_ == before + 1);
    }
    Pass(std::chrono::minutes(1));
    // A leader that lost its followers cannot know what becomes of what it proposed.
    Require(node_.IsIdle() || led_);
    (void)node_.ViewCluster(now_);
    (void)node_.ViewRing(now_);
  }

  [[nodiscard]] size_t replies() const { return replies_; }

 private:
  // False: there was nothing to do.
  bool Work(node::Effects effects) {
    if (effects.founding.bind) node_.OnBound(now_);
    if (effects.founding.store) node_.OnTopologyStored(now_);
    const bool stored = effects.boots.has_value();
    if (stored) node_.OnBootsStored(now_);
    for (auto& [peer, frame] : effects.frames) {
      replies_ += frame.replies.size();
      // What the node says is well-formed.
      Require(FromProto(ToProto(std::move(frame))).has_value());
    }
    answers_ += effects.answers.size();
    return WorkDisk(effects) || stored;
  }

  bool WorkDisk(const node::Effects& effects) {
    const Status gone = MakeStatus(StatusCode::kNotFound, "not there");
    for (const auto& write : effects.appends) {
      node_.OnDurable(write.write.group, write.number, now_);
    }
    for (const auto& job : effects.applies) {
      partition::Applied applied{job.partition, {}, 1};
      for (const auto& entry : job.entries) applied.outcomes.push_back(OutcomeOf(entry));
      node_.OnApplied(applied, now_);
    }
    for (const auto& read : effects.reads) {
      node_.OnRead(read.ticket, std::optional<storage::StoredValue>(), now_);
    }
    for (const auto& job : effects.fetches) {
      node_.OnFetched(job.partition, job.fetch.follower, {}, now_);
    }
    for (const auto& read : effects.chunk_reads) node_.OnChunkRead(read.stream, gone, now_);
    for (const auto& write : effects.chunk_writes) {
      node_.OnChunkWritten(write.stream, write.peer, false, now_);
    }
    for (const auto& job : effects.installs) {
      node_.OnInstalled(job.partition, job.snapshot, gone, now_);
    }
    for (const PartitionId partition : effects.drops) node_.OnDropped(partition, now_);
    return !effects.drops.empty() || !effects.appends.empty() || !effects.applies.empty() ||
           !effects.reads.empty() || !effects.fetches.empty() || !effects.chunk_reads.empty() ||
           !effects.chunk_writes.empty() || !effects.installs.empty();
  }

  Instant now_ = Instant{} + std::chrono::hours(1);
  node::Node node_;
  uint64_t last_call_ = 0;
  size_t answers_ = 0;
  size_t replies_ = 0;
  bool led_ = false;
};

// The node accepts what comes in this.
void SetEnvelope(peer_pb::Envelope& envelope) {
  envelope.set_cluster_id(UuidOf(0xcc).ToBytes());
  envelope.set_from_uuid(UuidOf(2).ToBytes());
  envelope.set_to_uuid(UuidOf(1).ToBytes());
}

void SetCard(peer_pb::NodeCard& card) {
  card.set_name("n2");
  card.set_uuid(UuidOf(2).ToBytes());
}

// Forwards are sent under the partition and replica that their keys belong to.
void AddressForwards(peer_pb::Frame& frame) {
  for (peer_pb::Forward& forward : *frame.mutable_forwards()) {
    const PartitionId partition = PartitionOf(forward.key(), kPartitions);
    forward.set_partition(partition.value);
    forward.set_replica_id(Founded().PreferredOwner(partition).id.value);
  }
}

ReplicaId ReplicaOn(NodeId node, uint32_t group) {
  for (const topology::Replica& replica : Founded().ring[group - 1]) {
    if (replica.node == node) return replica.id;
  }
  std::abort();
}

void AddressBeats(peer_pb::Beats& beats) {
  for (int i = 0; i < beats.group_size(); ++i) {
    beats.set_group(i, beats.group(i) % kPartitions + 1);
    if (i < beats.from_size()) beats.set_from(i, ReplicaOn(kPeer, beats.group(i)).value);
    if (i < beats.to_size()) beats.set_to(i, ReplicaOn(kSelf, beats.group(i)).value);
  }
}

// Messages of consensus and chunks come from the peer's replica to ours, of a group that exists;
// ours is removed, and others are made.
void AddressRaft(peer_pb::Frame& frame) {
  for (peer_pb::RaftMessage& message : *frame.mutable_raft()) {
    message.set_group(message.group() % kPartitions + 1);
    message.set_from(ReplicaOn(kPeer, message.group()).value);
    message.set_to(ReplicaOn(kSelf, message.group()).value);
  }
  for (peer_pb::Removal& removal : *frame.mutable_membership()->mutable_removals()) {
    removal.set_group(removal.group() % kPartitions + 1);
    removal.set_replica(ReplicaOn(kSelf, removal.group()).value);
  }
  for (peer_pb::Create& create : *frame.mutable_membership()->mutable_creates()) {
    create.set_group(create.group() % kPartitions + 1);
  }
  for (peer_pb::SnapshotChunk& chunk : *frame.mutable_chunks()) {
    chunk.set_group(chunk.group() % kPartitions + 1);
    chunk.set_to(ReplicaOn(kSelf, chunk.group()).value);
  }
  AddressBeats(*frame.mutable_beats());
  AddressBeats(*frame.mutable_beat_replies());
}

void TryFrame(std::string_view bytes, bool sealed) {
  peer_pb::Frame message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (sealed) {
    SetEnvelope(*message.mutable_envelope());
    AddressForwards(message);
    AddressRaft(message);
  }
  const auto frame = FromProto(message);
  if (!frame) return;
  World world(/*founded=*/true);
  world.node().OnFrame(kPeer, *frame, world.now());
  world.Settle();
  const bool condemns = frame->membership.superseded_by.has_value();  // Then all else is dropped.
  if (sealed && !condemns) Require(world.replies() == frame->forwards.size());
  world.node().OnFrame(kPeer, *frame, world.now());  // Sent twice.
  world.RequireAlive();
  world.node().OnLinkDown(kPeer, world.now());
  world.RequireAlive();
}

void TryHello(std::string_view bytes, bool sealed) {
  peer_pb::HelloRequest message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (sealed) {
    SetEnvelope(*message.mutable_envelope());
    SetCard(*message.mutable_from());
    message.set_to_name("n1");
  }
  const auto request = FromProto(message);
  if (!request) return;
  Require(FromProto(ToProto(*request)) == *request);
  for (const bool founded : {false, true}) {
    World world(founded);
    world.node().OnHello(topology::HelloId{1}, *request, world.now());
    world.Settle();
    world.RequireAlive();
  }
}

void TryHelloAnswer(std::string_view bytes, bool sealed) {
  peer_pb::HelloResponse message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (sealed) {
    SetEnvelope(*message.mutable_envelope());
    SetCard(*message.mutable_from());
  }
  const auto response = FromProto(message);
  if (!response) return;
  for (const bool founded : {false, true}) {
    World world(founded);
    world.node().OnHelloAnswer("n2", *response, world.now());
    world.Settle();
    world.node().OnHelloAnswer("n3", *response, world.now());
    world.Settle();
    world.RequireAlive();
  }
}

std::string RecordOf(std::string_view bytes, bool sealed) {
  return sealed ? ByteWriter().Raw(bytes).U32(Checksum32(bytes)).Take() : std::string(bytes);
}

void TryTopology(std::string_view bytes, bool sealed) {
  const std::string record = RecordOf(bytes, sealed);
  const auto decoded = topology::DecodeTopology(record);
  if (!decoded.ok()) return;
  const auto again = topology::DecodeTopology(topology::EncodeTopology(*decoded));
  Require(again.ok() && *again == *decoded);  // An old format is not written again.
  topology::HelloResponse response;
  response.from = CardOf("n2", 2);
  response.topology = record;
  World world(/*founded=*/false);
  world.node().OnHelloAnswer("n2", response, world.now());
  world.Settle();
  world.RequireAlive();
}

void TryCommand(std::string_view bytes) {
  const auto decoded = partition::DecodeCommand(bytes);
  if (decoded.ok()) Require(partition::EncodeCommand(*decoded) == bytes);
}

// Whatever it says, it is decided: the next topology is one, or there is a reason.
void TryTopologyCommand(std::string_view bytes, bool sealed) {
  const std::string record = RecordOf(bytes, sealed);
  const auto decoded = topology::DecodeCommand(record);
  if (!decoded.ok()) return;
  Require(topology::EncodeCommand(*decoded) == record);
  const topology::Decision decision = topology::Decide(Founded(), 1, *decoded);
  if (const auto* next = std::get_if<topology::Topology>(&decision); next != nullptr) {
    Require(topology::DecodeTopology(topology::EncodeTopology(*next)).ok());
    return;
  }
  Require(!topology::Explain(std::get<topology::Rejection>(decision), Founded()).message.empty());
}

void Try(uint8_t choice, std::string_view bytes, bool sealed) {
  switch (choice % 6) {
    case 0:
      return TryFrame(bytes, sealed);
    case 1:
      return TryHello(bytes, sealed);
    case 2:
      return TryHelloAnswer(bytes, sealed);
    case 3:
      return TryTopology(bytes, sealed);
    case 4:
      return TryCommand(bytes);
    default:
      return TryTopologyCommand(bytes, sealed);
  }
}

}  // namespace
}  // namespace kvd::rpc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);  // It reports bad UTF-8.
  (void)silenced;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool sealed = (data[0] & kvd::rpc::kSealed) != 0;
  kvd::rpc::Try(data[0] & 0x7fU, rest, sealed);
  return 0;
}
