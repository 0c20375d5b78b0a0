#include "tests/support/reserved_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/check.h"

namespace kvd::testing {
namespace {

// -1 if the port is not free.
int BoundSocket(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  KVD_CHECK(fd >= 0, "socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  KVD_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

ReservedPort::ReservedPort() : fd_(BoundSocket(0)) {
  KVD_CHECK(fd_ >= 0, "bind 127.0.0.1:0");
  port_ = PortOf(fd_);
}

ReservedPort::~ReservedPort() {
  if (fd_ >= 0) close(fd_);
}

ReservedPort::ReservedPort(ReservedPort&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

std::optional<ReservedPort> ReservedPort::At(uint16_t port) {
  const int fd = BoundSocket(port);
  if (fd < 0) return std::nullopt;
  return ReservedPort(fd, port);
}

std::string ReservedPort::address() const {
  return fmt::format("127.0.0.1:{}", port_);
}

void ReservedPort::Listen() const {
  KVD_CHECK(listen(fd_, 1) == 0, "listen");
}

}  // namespace kvd::testing
