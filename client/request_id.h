// The name of one write, under which it is applied at most once however often it is sent. As text,
// 8c1e4f02:1@4407, it can be given to kvctl --request-id.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/types.h"

namespace kvd::client {

struct RequestId {
  uint64_t client = 0;    // Drawn at random, once per client.
  uint64_t sequence = 0;  // From 1, counted up by the client.

  // An index of the key's partition that was known when the write was first sent; 0: none.
  Index base = 0;

  // Every sequence of the client below this one is finished for it. Not part of the text.
  uint64_t done_below = 0;

  // CLIENT:SEQUENCE@BASE, the client in hex.
  [[nodiscard]] std::string ToString() const;

  // nullopt for anything that ToString() does not write.
  [[nodiscard]] static std::optional<RequestId> Parse(std::string_view text);

  friend bool operator==(const RequestId&, const RequestId&) = default;
};

}  // namespace kvd::client
