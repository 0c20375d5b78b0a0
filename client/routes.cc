#include "client/routes.h"

#include <algorithm>

#include "common/hash.h"

namespace kvd::client {

void Routes::Learn(const Ring& ring) {
  nodes_.clear();
  for (const RingNode& node : ring.nodes) {
    nodes_.push_back({.name = node.name, .address = node.address});
  }
  owners_.clear();
  for (const RingPartition& partition : ring.partitions) owners_.push_back(partition.owner);
}

bool Routes::Learn(PartitionId partition, std::string_view owner) {
  const auto node = std::ranges::find(nodes_, owner, &Node::name);
  if (node == nodes_.end() || partition.value >= owners_.size()) return false;
  owners_[partition.value] = static_cast<uint32_t>(node - nodes_.begin());
  return true;
}

const std::string* Routes::AddressOf(std::string_view key) const {
  if (owners_.empty()) return nullptr;
  const PartitionId partition = PartitionOf(key, static_cast<uint32_t>(owners_.size()));
  return &nodes_[owners_[partition.value]].address;
}

std::vector<std::string> Routes::Addresses() const {
  std::vector<std::string> addresses;
  addresses.reserve(nodes_.size());
  for (const Node& node : nodes_) addresses.push_back(node.address);
  return addresses;
}

}  // namespace kvd::client
