// A cluster file as a flat list of keys and values: what founding compares between nodes, what a
// re-read of the file is compared by, and what is printed.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <vector>

#include "config/cluster_file.h"

namespace kvd::config {

// One key and its value as the file would spell it. Names, paths and addresses are in double
// quotes. Keys that are not given and have no default have no fact.
struct Fact {
  std::string key;  // "cluster.partitions"
  std::string value;

  friend bool operator==(const Fact&, const Fact&) = default;
};

// Every key, in the order of the file, built-in defaults included. Nodes are listed by name
// ("nodes.n1.address"), rules by number from 0 ("auth.rules[0].identity").
[[nodiscard]] std::vector<Fact> Facts(const ClusterFile& file);

// A key whose value differs; "not given" where there is none.
struct Change {
  std::string key;
  std::string before;
  std::string after;

  friend bool operator==(const Change&, const Change&) = default;
};

// In the order of the keys; empty if and only if the files mean the same.
[[nodiscard]] std::vector<Change> Compare(const ClusterFile& before, const ClusterFile& after);

// The facts of one entry and of one rule, keys without prefix.
[[nodiscard]] std::vector<Fact> FactsOf(const NodeEntry& node);
[[nodiscard]] std::vector<Fact> FactsOf(const NodeOptions& options);
[[nodiscard]] std::vector<Fact> FactsOf(const AuthRule& rule);

}  // namespace kvd::config
