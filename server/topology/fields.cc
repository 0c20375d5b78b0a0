#include "server/topology/fields.h"

#include <string>

namespace kvd::topology {

void WriteCard(ByteWriter& out, const NodeCard& card) {
  out.Raw(card.uuid.ToBytes()).String(card.name);
  out.String(card.address).String(card.peer_address).String(card.zone);
}

std::optional<NodeCard> ReadCard(ByteReader& in) {
  const auto uuid = in.Raw(16);
  const auto name = in.String();
  const auto address = in.String();
  const auto peer_address = in.String();
  const auto zone = in.String();
  if (!in.ok()) return std::nullopt;
  return NodeCard{.name = std::string(*name),
                  .uuid = *Uuid::FromBytes(*uuid),
                  .address = std::string(*address),
                  .peer_address = std::string(*peer_address),
                  .zone = std::string(*zone)};
}

void WriteNodes(ByteWriter& out, const std::vector<NodeId>& nodes) {
  out.U32(static_cast<uint32_t>(nodes.size()));
  for (const NodeId node : nodes) out.U32(node.value);
}

std::optional<std::vector<NodeId>> ReadNodes(ByteReader& in) {
  return ReadCounted(in, [&in]() -> std::optional<NodeId> {
    const auto node = in.U32();
    return node ? std::optional(NodeId{*node}) : std::nullopt;
  });
}

}  // namespace kvd::topology
