// A cluster of n1, n2, ... whose system group decides commands: the world of the tests of decisions
// and of what follows from them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/topology/decision.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {

inline Topology FoundedBy(uint8_t nodes, uint32_t partitions = 16) {
  ClusterTerms terms = TermsOf(nodes);
  terms.partitions = partitions;
  return FoundTopology(UuidOf(0xcc), terms, CardsOf(nodes));
}

// A topology and the index of the last command.
class Decided {
 public:
  explicit Decided(Topology topology) : topology_(std::move(topology)) {}

  // Decides a command that must be accepted.
  const Topology& Accept(const Command& command) {
    Decision decision = Decide(topology_, ++index_, command);
    const auto* rejection = std::get_if<Rejection>(&decision);
    EXPECT_EQ(rejection, nullptr) << (rejection ? Explain(*rejection, topology_).message : "");
    if (rejection == nullptr) topology_ = std::get<Topology>(std::move(decision));
    return topology_;
  }

  // Decides a command that must be rejected.
  Rejection Reject(const Command& command) {
    Decision decision = Decide(topology_, ++index_, command);
    EXPECT_TRUE(std::holds_alternative<Rejection>(decision));
    const auto* rejection = std::get_if<Rejection>(&decision);
    return rejection != nullptr ? *rejection : Rejection{};
  }

  [[nodiscard]] std::string WhyNot(const Command& command) {
    const Rejection rejection = Reject(command);
    return Explain(rejection, topology_).message;
  }

  [[nodiscard]] const Topology& now() const { return topology_; }
  [[nodiscard]] Index index() const { return index_; }

 private:
  Topology topology_;
  Index index_ = 0;
};

}  // namespace kvd::topology
