// The ring, drawn: one letter per partition, in order; the letter is the owner.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/change.h"

namespace kvd::kvctl {

// A to Z and a to z name up to 52 nodes, beyond that AA, AB, ...: as many letters as it takes.
[[nodiscard]] std::string NodeLetters(size_t position, size_t nodes);

// The picture, with a legend of what each node owns and holds. Partitions of a node that is down
// are red if `colour`, and the legend says so. `moving`: the groups that are not as wished, a line
// for each of the first ones.
[[nodiscard]] std::string RingPicture(const client::Ring& ring, bool colour,
                                      const std::vector<client::Group>& moving = {});

// One line per partition.
[[nodiscard]] std::string RingTable(const client::Ring& ring, bool colour);

// {"partition":0,"owner":"n3","term":7,"replicas":["n3","n1","n2"],"epoch":5}, a line each; of
// groups that are not as wished also who votes, "actual", and who is on the way, "learners".
[[nodiscard]] std::string RingJson(const client::Ring& ring,
                                   const std::vector<client::Group>& moving = {});

// Where `key` lives: its hash, its partition and the nodes that hold it, the owner first. `group`:
// what its owner reported, if it could be asked for; then with how far each copy is.
[[nodiscard]] std::string KeyPlace(const client::Ring& ring, std::string_view key, bool colour,
                                   const std::optional<client::Group>& group = {});
[[nodiscard]] std::string KeyPlaceJson(const client::Ring& ring, std::string_view key,
                                       const std::optional<client::Group>& group = {});

}  // namespace kvd::kvctl
