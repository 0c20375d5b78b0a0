// Which node to ask for a key, from what rings and answers have said: a guess that costs a forward
// if it is wrong.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "common/types.h"

namespace kvd::client {

class Routes {
 public:
  void Learn(const Ring& ring);

  // An answer named the owner of a partition. False: there is no such node in the ring that is
  // known.
  bool Learn(PartitionId partition, std::string_view owner);

  // The address of the node that owns the key's partition; nullptr: not known. Good until the next
  // Learn().
  [[nodiscard]] const std::string* AddressOf(std::string_view key) const;

  // No ring is known.
  [[nodiscard]] bool empty() const { return owners_.empty(); }

  // Of every node.
  [[nodiscard]] std::vector<std::string> Addresses() const;

 private:
  struct Node {
    std::string name;
    std::string address;
  };

  std::vector<Node> nodes_;
  std::vector<uint32_t> owners_;  // By partition; positions in `nodes_`.
};

}  // namespace kvd::client
