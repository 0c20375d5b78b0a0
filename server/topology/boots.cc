#include "server/topology/boots.h"

#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "server/topology/fields.h"

namespace kvd::topology {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kUuidBytes = 16;

Status Damaged(std::string_view what) {
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("record of other nodes' boots: {}; without it kvd starts, and "
                                "remembers them anew",
                                what));
}

}  // namespace

bool IsSuperseded(const Boot& boot, const Boot& latest) {
  return boot.counter < latest.counter ||
         (boot.counter == latest.counter && boot.nonce != latest.nonce);
}

StatusOr<Boots> Boots::Decode(std::string_view record, const Uuid& cluster_id) {
  if (record.size() <= kChecksumBytes) return Damaged("too short");
  const std::string_view body = record.substr(0, record.size() - kChecksumBytes);
  if (ByteReader(record.substr(body.size())).U32() != Checksum32(body)) {
    return Damaged("checksum mismatch");
  }
  ByteReader in(body);
  if (const uint8_t format = *in.U8(); format != kFormat) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("record of other nodes' boots has format {}, this kvd reads {}; "
                                  "run a newer kvd",
                                  format, kFormat));
  }
  const auto cluster = in.Raw(kUuidBytes);
  const auto found = ReadCounted(in, [&in]() -> std::optional<std::pair<Uuid, Boot>> {
    const auto node = in.Raw(kUuidBytes);
    const auto counter = in.U64();
    const auto nonce = in.U64();
    if (!in.ok()) return std::nullopt;
    return std::pair(*Uuid::FromBytes(*node), Boot{.counter = *counter, .nonce = *nonce});
  });
  if (!found || !in.exhausted()) return Damaged("fields are missing or too many");
  Boots boots(cluster_id);
  if (*cluster != cluster_id.ToBytes()) return boots;
  boots.latest_ = ByNode(found->begin(), found->end());
  boots.on_disk_ = boots.latest_;
  return boots;
}

std::string Boots::Encode() const {
  ByteWriter out;
  out.U8(kFormat).Raw(cluster_id_.ToBytes()).U32(static_cast<uint32_t>(latest_.size()));
  for (const auto& [node, boot] : latest_) {
    out.Raw(node.ToBytes()).U64(boot.counter).U64(boot.nonce);
  }
  return out.U32(Checksum32(out.bytes())).Take();
}

Boots::Heard Boots::Hear(const Uuid& node, const Boot& boot) {
  const auto [known, fresh] = latest_.try_emplace(node, boot);
  if (IsSuperseded(boot, known->second)) return Heard::kSuperseded;
  known->second = boot;
  const auto kept = on_disk_.find(node);
  const bool is_kept = kept != on_disk_.end() && kept->second == boot;
  return is_kept ? Heard::kRemembered : Heard::kNotYetOnDisk;
}

std::optional<Boot> Boots::Find(const Uuid& node) const {
  const auto known = latest_.find(node);
  return known == latest_.end() ? std::nullopt : std::optional(known->second);
}

std::optional<std::string> Boots::TakeRecord() {
  if (storing_ || latest_ == on_disk_) return std::nullopt;
  storing_ = latest_;
  return Encode();
}

void Boots::OnStored() {
  KVD_CHECK(storing_.has_value(), "boots are stored only when they were handed out");
  on_disk_ = *std::exchange(storing_, std::nullopt);
}

void Boots::KeepOnly(const Topology& topology) {
  const auto is_none = [&](const auto& each) { return topology.Find(each.first) == nullptr; };
  std::erase_if(latest_, is_none);
}

}  // namespace kvd::topology
