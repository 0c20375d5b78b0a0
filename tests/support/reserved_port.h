// A TCP port on 127.0.0.1 that is this test's own while the object lives. The port is bound but not
// listened on: connections to it are refused, the kernel gives it to nobody else, and a kvd can
// listen on it, because gRPC sets SO_REUSEADDR as we do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace kvd::testing {

class ReservedPort {
 public:
  // A port of the kernel's choice.
  ReservedPort();
  ~ReservedPort();
  ReservedPort(ReservedPort&& other) noexcept;
  ReservedPort& operator=(ReservedPort&&) = delete;

  // That very port; nullopt if it is not free.
  [[nodiscard]] static std::optional<ReservedPort> At(uint16_t port);

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const;  // "127.0.0.1:40123"

  // From now on connections are accepted by the kernel and answered by nobody.
  void Listen() const;

 private:
  ReservedPort(int fd, uint16_t port) : fd_(fd), port_(port) {}

  int fd_ = -1;
  uint16_t port_ = 0;
};

}  // namespace kvd::testing
