// Commands without a request id: the names that callers used before commands had one.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "server/partition/command.h"

namespace kvd::partition {

[[nodiscard]] inline std::string EncodeMutation(const Mutation& mutation) {
  return EncodeCommand({.mutation = mutation});
}

// Also DATA_LOSS if the command has an id.
[[nodiscard]] inline StatusOr<Mutation> DecodeMutation(std::string_view payload) {
  KVD_ASSIGN_OR_RETURN(Command command, DecodeCommand(payload));
  if (command.id) return MakeStatus(StatusCode::kDataLoss, "log entry: has a request id");
  return std::move(command.mutation);
}

}  // namespace kvd::partition
