// The fields that the records of this room have in common: how a node's card, its name for a member
// and lists of them are written and read back. A reader answers nullopt for bytes that are none.
//
// Counts are not trusted: every element read must exist, so a wrong count ends at the end of the
// bytes.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "server/topology/topology.h"

namespace kvd::topology {

void WriteCard(ByteWriter& out, const NodeCard& card);
[[nodiscard]] std::optional<NodeCard> ReadCard(ByteReader& in);

void WriteNodes(ByteWriter& out, const std::vector<NodeId>& nodes);
[[nodiscard]] std::optional<std::vector<NodeId>> ReadNodes(ByteReader& in);

// `count` elements, or a count of them first.
template <typename Read>
[[nodiscard]] auto ReadEach(uint32_t count, Read read)
    -> std::optional<std::vector<typename decltype(read())::value_type>> {
  std::vector<typename decltype(read())::value_type> elements;
  for (uint32_t i = 0; i < count; ++i) {
    auto element = read();
    if (!element) return std::nullopt;
    elements.push_back(*std::move(element));
  }
  return elements;
}

template <typename Read>
[[nodiscard]] auto ReadCounted(ByteReader& in, Read read) -> decltype(ReadEach(0, read)) {
  const auto count = in.U32();
  if (!count) return std::nullopt;
  return ReadEach(*count, read);
}

}  // namespace kvd::topology
