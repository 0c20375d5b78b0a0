// The ring, drawn: one letter per partition, in order; the letter is the owner.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "client/answers.h"

namespace kvd::kvctl {

// A to Z and a to z name up to 52 nodes, beyond that AA, AB, ...: as many letters as it takes.
[[nodiscard]] std::string NodeLetters(size_t position, size_t nodes);

// The picture, with a legend of what each node owns and holds. Partitions of a node that is down
// are red if `colour`, and the legend says so.
[[nodiscard]] std::string RingPicture(const client::Ring& ring, bool colour);

// One line per partition.
[[nodiscard]] std::string RingTable(const client::Ring& ring, bool colour);

// {"partition":0,"owner":"n3","term":7,"replicas":["n3","n1","n2"],"epoch":5}, a line each.
[[nodiscard]] std::string RingJson(const client::Ring& ring);

// Where `key` lives: its hash, its partition and the nodes that hold it, the owner first.
[[nodiscard]] std::string KeyPlace(const client::Ring& ring, std::string_view key, bool colour);
[[nodiscard]] std::string KeyPlaceJson(const client::Ring& ring, std::string_view key);

}  // namespace kvd::kvctl
