#include "config/host_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/units.h"

namespace kvd::config {
namespace {

Status Refused(std::string_view text, std::string_view why) {
  return MakeStatus(StatusCode::kInvalidArgument, fmt::format("{} {}", InQuotes(text), why));
}

// inet_pton() of the whole text: it would stop at a NUL.
bool IsAddress(int family, std::string_view text, void* bytes) {
  if (text.find('\0') != std::string_view::npos) return false;
  return inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

std::optional<std::string> CanonicalV6(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (!IsAddress(AF_INET6, text, bytes.data())) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(AF_INET6, bytes.data(), out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

bool IsV4(std::string_view text) {
  std::array<unsigned char, sizeof(in_addr)> bytes{};
  return IsAddress(AF_INET, text, bytes.data());
}

// True if `text` can only have been meant as an IPv4 address. No DNS name ends in a numeric label.
bool LooksLikeV4(std::string_view text) {
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return last.find_first_not_of("0123456789") == std::string_view::npos;
}

bool IsDnsLabel(std::string_view label) {
  if (label.empty() || label.size() > 63) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    if (!IsDnsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

StatusOr<std::string> ParseHost(std::string_view text, std::string_view host, bool bracketed) {
  if (bracketed) {
    if (auto v6 = CanonicalV6(host)) return *std::move(v6);
    return Refused(text, "does not hold an IPv6 address between its brackets");
  }
  if (host.find(':') != std::string_view::npos) {
    return Refused(text, "needs brackets around its IPv6 address, like [fd00::3]:7400");
  }
  if (host.empty() || host == "*") {
    return Refused(text, "has no host; to bind every interface write 0.0.0.0 or [::]");
  }
  if (IsV4(host)) return std::string(host);
  std::string name = LowerCase(host);
  if (!LooksLikeV4(host) && IsDnsName(name)) return name;
  return Refused(text, LooksLikeV4(host)
                           ? "does not begin with an IPv4 address: four numbers, 0..255"
                           : "does not begin with a host name");
}

StatusOr<uint16_t> ParsePort(std::string_view port) {
  const auto number = ParseNumber(port);
  if (!number.ok()) {
    return MakeStatus(StatusCode::kInvalidArgument, "port " + Message(number.status()));
  }
  if (*number > 65535) return Refused(port, "is not a port: 1..65535");
  return static_cast<uint16_t>(*number);
}

}  // namespace

StatusOr<HostPort> HostPort::Parse(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const size_t bracket = bracketed ? text.find(']') : std::string_view::npos;
  if (bracketed && bracket == std::string_view::npos) return Refused(text, "lacks its closing ']'");
  const size_t colon = bracketed ? bracket + 1 : text.rfind(':');
  if (colon >= text.size() || text[colon] != ':' || colon + 1 == text.size()) {
    return Refused(text, "has no port; write host:port, [v6]:port or name:port");
  }
  const std::string_view host = bracketed ? text.substr(1, bracket - 1) : text.substr(0, colon);

  HostPort out;
  KVD_ASSIGN_OR_RETURN(out.host, ParseHost(text, host, bracketed));
  KVD_ASSIGN_OR_RETURN(out.port, ParsePort(text.substr(colon + 1)));
  return out;
}

std::string HostPort::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool HostPort::is_loopback() const {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && IsV4(host));
}

bool HostPort::is_wildcard() const {
  return host == "0.0.0.0" || host == "::";
}

std::string CanonicalHost(std::string_view host) {
  if (auto v6 = CanonicalV6(host)) return *std::move(v6);
  return LowerCase(host);
}

}  // namespace kvd::config
