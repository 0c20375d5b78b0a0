// The ports of several nodes that share a file with fixed distances: each node has a port for
// clients and the next one for peers, ten apart, as --dev and the sample have it, and one for HTTP
// 80 above the first. Free, and kept free.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "tests/support/reserved_port.h"

namespace kvd::testing {

class PortBlock {
 public:
  explicit PortBlock(int nodes) {
    Random random(static_cast<uint64_t>(getpid()));
    while (!TryAt(static_cast<uint16_t>(random.Between(10'000, 30'000)), nodes)) continue;
  }

  [[nodiscard]] std::string first() const { return ports_.front().address(); }
  [[nodiscard]] std::string address(int node) const { return ClientPort(node).address(); }
  [[nodiscard]] uint16_t port(int node) const { return ClientPort(node).port(); }

  // From now on somebody listens on the clients' port of `node`.
  void Take(int node) { ClientPort(node).Listen(); }

 private:
  static constexpr int kStep = 10;

  [[nodiscard]] const ReservedPort& ClientPort(int node) const {
    return ports_.at(static_cast<size_t>(3 * (node - 1)));
  }

  bool TryAt(uint16_t first, int nodes) {
    ports_.clear();
    for (int node = 0; node < nodes; ++node) {
      for (const int offset : {0, 1, 80}) {
        auto port = ReservedPort::At(static_cast<uint16_t>(first + node * kStep + offset));
        if (!port) return false;
        ports_.push_back(*std::move(port));
      }
    }
    return true;
  }

  std::vector<ReservedPort> ports_;
};

}  // namespace kvd::testing
