// What passes between replicas, as people read it: for transcripts and for the messages of failing
// tests. An entry is index/term, and its payload if it has one.
#pragma once

#include <string>

#include "tests/unit/server/raft/world.h"

namespace kvd::raft::test {

[[nodiscard]] std::string Describe(const storage::Entry& entry);
[[nodiscard]] std::string Describe(const std::vector<storage::Entry>& entries);
[[nodiscard]] std::string Describe(const Configuration& configuration);
[[nodiscard]] std::string Describe(const Message& message);
[[nodiscard]] std::string Describe(const storage::GroupWrite& write);
[[nodiscard]] std::string Describe(Role role);

// One replica: role, term, log, commit, configuration.
[[nodiscard]] std::string Describe(const World::Site& site);

}  // namespace kvd::raft::test
