#include "server/partition/sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"

namespace kvd::partition {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kLoadedAtOnce = 256;

Status Malformed(uint64_t client) {
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("session of client {:016x}: fields are missing or make no sense; "
                                "check the disk, then replace this node",
                                client));
}

}  // namespace

std::string Sessions::Encode(const Client& client) {
  ByteWriter out;
  out.U8(kFormat).U64(client.done_below).U64(client.touched);
  out.U32(static_cast<uint32_t>(client.past.size()));
  for (const Past& past : client.past) {
    out.U64(past.sequence).U64(past.index);
    out.U8(static_cast<uint8_t>(past.decision.kind)).U32(past.decision.item);
    out.U64(past.decision.value);
  }
  return out.Take();
}

StatusOr<Sessions::Client> Sessions::Decode(std::string_view state) {
  const Status damaged = MakeStatus(StatusCode::kDataLoss, "no session");
  ByteReader in(state);
  const uint8_t format = in.U8().value_or(0);
  if (format > kFormat) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("written in format {}, this kvd reads up to format {}; start the "
                                  "newer kvd that wrote it",
                                  format, kFormat));
  }
  Client client;
  client.done_below = in.U64().value_or(0);
  client.touched = in.U64().value_or(0);
  const uint32_t count = in.U32().value_or(0);
  if (!in.ok() || format == 0 || count > kMaxRecords) return damaged;
  Index previous = 0;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    Past past;
    past.sequence = in.U64().value_or(0);
    past.index = in.U64().value_or(0);
    const uint8_t kind = in.U8().value_or(0);
    past.decision = {.kind = static_cast<Decision::Kind>(kind), .item = in.U32().value_or(0)};
    past.decision.value = in.U64().value_or(0);
    const bool known = kind >= 1 && kind <= static_cast<uint8_t>(Decision::Kind::kOverflow);
    if (!known || past.index <= previous || past.index > client.touched) return damaged;
    previous = past.index;
    client.past.push_back(past);
  }
  if (!in.exhausted()) return damaged;
  return client;
}

Status Sessions::Restore(const storage::StoredSession& stored) {
  auto client = Decode(stored.state);
  if (!client.ok()) {
    if (client.status().code() == StatusCode::kDataLoss) return Malformed(stored.client);
    return Annotate(client.status(), fmt::format("session of client {:016x}", stored.client));
  }
  const bool fresh = !clients_.contains(stored.client) &&
                     by_touched_.try_emplace(client->touched, stored.client).second;
  if (!fresh) return Malformed(stored.client);
  clients_.emplace(stored.client, *std::move(client));
  return OkStatus();
}

void Sessions::Expire(Index now) {
  while (!by_touched_.empty() && by_touched_.begin()->first + kForgetAfter <= now) {
    ForgetOldestClient();
  }
}

// Also what it had said to be done: nothing of it is known any more.
void Sessions::ForgetOldestClient() {
  const auto oldest = by_touched_.begin();
  Raise(oldest->first);
  changed_.insert(oldest->second);
  clients_.erase(oldest->second);
  by_touched_.erase(oldest);
}

void Sessions::Raise(Index floor) {
  floor_ = std::max(floor_, floor);
}

void Sessions::Touch(uint64_t id, Client& client, Index now) {
  KVD_CHECK_OP(<=, client.touched, now);
  if (client.touched == now) return;  // By this entry already.
  auto place = by_touched_.extract(client.touched);
  client.touched = now;
  if (place) {
    place.key() = now;
    by_touched_.insert(std::move(place));
  } else {
    by_touched_.emplace(now, id);
  }
  changed_.insert(id);
}

Sessions::Verdict Sessions::Judge(const RequestId& id, Index now) {
  uint64_t done_below = id.done_below;
  const auto found = clients_.find(id.client);
  if (found != clients_.end()) {
    Client& client = found->second;
    client.done_below = done_below = std::max(client.done_below, id.done_below);
    std::erase_if(client.past, [&](const Past& past) { return past.sequence < done_below; });
    Touch(id.client, client, now);
    const auto past = std::ranges::find(client.past, id.sequence, &Past::sequence);
    if (past != client.past.end()) return Known{past->index, past->decision};
  }
  if (id.sequence < done_below) return Stale{done_below};
  if (id.base < floor_) return BaseTooOld{floor_};
  return Execute{};
}

void Sessions::Record(const RequestId& id, Index now, const Decision& decision) {
  Client& client = clients_[id.client];
  client.done_below = std::max(client.done_below, id.done_below);
  Touch(id.client, client, now);
  client.past.push_back({.sequence = id.sequence, .index = now, .decision = decision});
  if (client.past.size() > kMaxRecords) {
    Raise(client.past.front().index);
    client.past.erase(client.past.begin());
  }
  if (clients_.size() > kMaxClients) ForgetOldestClient();
}

size_t Sessions::records() const {
  size_t records = 0;
  for (const auto& [id, client] : clients_) records += client.past.size();
  return records;
}

void Sessions::AddChangesTo(storage::StoreBatch& batch, PartitionId partition,
                            storage::Generation generation) {
  for (const uint64_t id : changed_) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) {
      batch.Add(storage::StoreBatch::DeleteSession{partition, generation, id});
    } else {
      batch.Add(storage::StoreBatch::PutSession{
          partition, generation, {.client = id, .state = Encode(found->second)}});
    }
  }
  changed_.clear();
}

StatusOr<Sessions> LoadSessions(const storage::Store& store, PartitionId partition,
                                const storage::AppliedRecord& applied) {
  Sessions sessions(applied.floor);
  uint64_t from = 0;
  while (true) {
    KVD_ASSIGN_OR_RETURN(const auto stored,
                         store.ScanSessions(partition, applied.generation, from, kLoadedAtOnce));
    for (const storage::StoredSession& session : stored) {
      KVD_RETURN_IF_ERROR(sessions.Restore(session));
    }
    if (stored.size() < kLoadedAtOnce) return sessions;
    from = stored.back().client + 1;
    if (from == 0) return sessions;
  }
}

}  // namespace kvd::partition
