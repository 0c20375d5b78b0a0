// A 128-bit identity: of a cluster, of a node. Drawn once, kept on disk, never reused.
//
// Pure. Threading: values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/random.h"

namespace kvd {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // Marks the bits of version 4 (RFC 9562) on 122 bits from `random`.
  [[nodiscard]] static Uuid Draw(Random& random);

  // Parses "6f1c2a9e-0b1d-4c3e-8f5a-112233445566" (either case); nullopt for anything else.
  [[nodiscard]] static std::optional<Uuid> Parse(std::string_view text);

  // Takes exactly 16 raw bytes, as on the wire; nullopt for any other length.
  [[nodiscard]] static std::optional<Uuid> FromBytes(std::string_view raw);

  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] std::string ToBytes() const;

  // The nil UUID names nobody.
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Uuid& id) {
    return out << id.ToString();
  }
};

}  // namespace kvd
