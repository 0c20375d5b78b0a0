#include "server/partition/transfers.h"

#include <fmt/format.h>

#include <utility>

namespace kvd::partition {
namespace {

StatusOr<raft::SnapshotPoint> PointOf(const storage::AppliedRecord& record) {
  raft::SnapshotPoint point{.index = record.index, .term = record.term, .configuration = {}};
  if (!record.configuration.empty()) {
    KVD_ASSIGN_OR_RETURN(point.configuration, raft::DecodeConfiguration(record.configuration));
  }
  return point;
}

}  // namespace

StatusOr<Transfers::Chunk> Transfers::Read(StreamId stream, PartitionId partition,
                                           uint64_t max_bytes) {
  auto at = outgoing_.find(stream);
  if (at == outgoing_.end()) {
    KVD_ASSIGN_OR_RETURN(SnapshotReader reader, machines_.ReadSnapshot(partition));
    at = outgoing_.emplace(stream, Outgoing{partition, std::move(reader)}).first;
  }
  SnapshotReader& reader = at->second.reader;
  Chunk chunk;
  KVD_ASSIGN_OR_RETURN(chunk.bytes, reader.Next(max_bytes));
  if (!reader.done()) return chunk;
  KVD_ASSIGN_OR_RETURN(chunk.complete, PointOf(reader.point()));
  Close(stream);
  return chunk;
}

void Transfers::Close(StreamId stream) {
  outgoing_.erase(stream);
}

Status Transfers::Write(NodeId peer, StreamId stream, PartitionId partition,
                        std::string_view chunk) {
  auto at = incoming_.find(partition);
  if (at == incoming_.end() || at->second.stream != stream || at->second.peer != peer) {
    KVD_ASSIGN_OR_RETURN(SnapshotWriter writer, machines_.WriteSnapshot(partition));
    KVD_RETURN_IF_ERROR(writer.Begin());
    incoming_.erase(partition);
    at = incoming_
             .emplace(partition,
                      Incoming{.peer = peer, .stream = stream, .writer = std::move(writer)})
             .first;
  }
  return at->second.writer.Add(chunk);
}

StatusOr<uint64_t> Transfers::Install(PartitionId partition, const raft::SnapshotPoint& point) {
  const auto at = incoming_.find(partition);
  std::optional<storage::AppliedRecord> received;
  if (at != incoming_.end() && at->second.writer.complete()) {
    received = at->second.writer.received();
  }
  if (!received || received->index != point.index || received->term != point.term) {
    return MakeStatus(StatusCode::kNotFound,
                      fmt::format("partition {}: the snapshot behind index {} is not here",
                                  partition.value, point.index));
  }
  incoming_.erase(at);
  KVD_RETURN_IF_ERROR(machines_.SwitchTo(partition, *received));
  return received->keys;
}

Status Transfers::Drop(PartitionId partition) {
  std::erase_if(outgoing_, [&](const auto& each) { return each.second.partition == partition; });
  incoming_.erase(partition);
  return machines_.Drop(partition);
}

}  // namespace kvd::partition
