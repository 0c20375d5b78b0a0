// What an entry of a partition's log means: one change, of one key or of several at once, and the
// name under which it is applied at most once. The log keeps it as an opaque payload; this is its
// codec.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/request_id.h"

namespace kvd::partition {

// A condition, here and below: applied only if the key is at this version; 0: only if it is absent.
struct PutMutation {
  std::string key;
  std::string value;
  std::optional<Version> if_version = {};

  friend bool operator==(const PutMutation&, const PutMutation&) = default;
};

struct DeleteMutation {
  std::string key;
  std::optional<Version> if_version = {};

  friend bool operator==(const DeleteMutation&, const DeleteMutation&) = default;
};

// Adds to the value, a decimal 64-bit integer; an absent key counts as 0.
struct IncrementMutation {
  std::string key;
  int64_t by = 1;

  friend bool operator==(const IncrementMutation&, const IncrementMutation&) = default;
};

// All or nothing, under one version. The keys are distinct: whoever proposes it has checked. Every
// condition is judged before anything is written, and the first that fails is the outcome.
struct BatchMutation {
  using Item = std::variant<PutMutation, DeleteMutation>;
  std::vector<Item> items;

  friend bool operator==(const BatchMutation&, const BatchMutation&) = default;
};

using Mutation = std::variant<PutMutation, DeleteMutation, IncrementMutation, BatchMutation>;

struct Command {
  std::optional<RequestId> id = {};  // Unset: applied as often as it is in the log.
  Mutation mutation;

  friend bool operator==(const Command&, const Command&) = default;
};

// A format byte, whether there is an id, a kind, the fields. The log's record around it carries the
// checksum. Exactly one encoding for each command.
[[nodiscard]] std::string EncodeCommand(const Command& command);

// DATA_LOSS if the bytes are no command; FAILED_PRECONDITION if they are of a newer format or kind:
// an entry that is not understood stops the replica, it is never skipped.
[[nodiscard]] StatusOr<Command> DecodeCommand(std::string_view payload);

}  // namespace kvd::partition
