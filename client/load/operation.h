// What a load consists of: operations of four kinds on numbered records.
//
// Pure. Threading: values.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kvd::load {

enum class Kind : uint8_t {
  kRead,             // The value of a record.
  kUpdate,           // A new value for a record, whatever it was.
  kInsert,           // A record that was not there.
  kReadModifyWrite,  // A new value, written only over the version that was read.
};

inline constexpr std::array kKinds = {Kind::kRead, Kind::kUpdate, Kind::kInsert,
                                      Kind::kReadModifyWrite};

// "read", "update", "insert", "rmw".
[[nodiscard]] constexpr std::string_view KindName(Kind kind) {
  constexpr std::array<std::string_view, kKinds.size()> kNames = {"read", "update", "insert",
                                                                  "rmw"};
  return kNames[static_cast<size_t>(kind)];
}

struct Operation {
  Kind kind = Kind::kRead;
  uint64_t record = 0;

  friend bool operator==(const Operation&, const Operation&) = default;
};

}  // namespace kvd::load
