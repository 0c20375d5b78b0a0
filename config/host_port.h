// A host and a port, as in addresses and listeners: "10.0.0.1:7400", "[fd00::3]:7400",
// "db1.example.net:7400". Names are not looked up here.
//
// Pure. Threading: values.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "common/status.h"

namespace kvd::config {

struct HostPort {
  // An IPv4 address, an IPv6 address in its canonical form without brackets, or a DNS name in lower
  // case; so that equal hosts are equal strings.
  std::string host;
  uint16_t port = 0;

  // Port 0 is accepted (a listener's "any free port"); whoever dials must refuse it. The error
  // begins with the quoted text and says how to write it.
  [[nodiscard]] static StatusOr<HostPort> Parse(std::string_view text);

  // Parses back to the same value.
  [[nodiscard]] std::string ToString() const;

  // 127.0.0.0/8, ::1 or localhost: unreachable from other machines.
  [[nodiscard]] bool is_loopback() const;

  // 0.0.0.0 or ::, every interface: can be bound, cannot be dialled.
  [[nodiscard]] bool is_wildcard() const;

  friend auto operator<=>(const HostPort&, const HostPort&) = default;
  friend bool operator==(const HostPort&, const HostPort&) = default;
  friend std::ostream& operator<<(std::ostream& out, const HostPort& at) {
    return out << at.ToString();
  }
};

// `host` in the form HostPort keeps: lower case, IPv6 canonical. Anything else is returned as it
// is.
[[nodiscard]] std::string CanonicalHost(std::string_view host);

}  // namespace kvd::config
