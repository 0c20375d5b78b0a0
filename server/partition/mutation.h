// What an entry of a partition's log means: one change to one key. The log keeps it as an opaque
// payload; this is its codec.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/status.h"

namespace kvd::partition {

struct PutMutation {
  std::string key;
  std::string value;

  friend bool operator==(const PutMutation&, const PutMutation&) = default;
};

struct DeleteMutation {
  std::string key;

  friend bool operator==(const DeleteMutation&, const DeleteMutation&) = default;
};

using Mutation = std::variant<PutMutation, DeleteMutation>;

// A format byte, a kind, the fields. The log's record around it carries the checksum.
[[nodiscard]] std::string EncodeMutation(const Mutation& mutation);

// DATA_LOSS if the bytes are no mutation; FAILED_PRECONDITION if they are of a newer format or
// kind: an entry that is not understood stops the replica, it is never skipped.
[[nodiscard]] StatusOr<Mutation> DecodeMutation(std::string_view payload);

}  // namespace kvd::partition
