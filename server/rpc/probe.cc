#include "server/rpc/probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "config/host_port.h"

namespace kvd::rpc {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses Resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &list) != 0) return nullptr;
  return Addresses(list);
}

Probe FromErrno(int error) {
  return error == ECONNREFUSED ? Probe::kRefused : Probe::kUnreachable;
}

Probe Connect(const addrinfo& to, Duration timeout) {
  const int fd = socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Probe::kUnreachable;
  Probe result = Probe::kConnected;
  if (connect(fd, to.ai_addr, to.ai_addrlen) != 0) {
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    int error = errno;
    if (error == EINPROGRESS && poll(&waiting, 1, static_cast<int>(ms)) == 1) {
      socklen_t size = sizeof(error);
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) result = FromErrno(error);
  }
  close(fd);
  return result;
}

}  // namespace

Probe ProbeAddress(const std::string& address, Duration timeout) {
  const auto parsed = config::HostPort::Parse(address);
  if (!parsed.ok()) return Probe::kUnreachable;
  const Addresses addresses = Resolve(parsed->host, std::to_string(parsed->port));
  Probe result = Probe::kUnreachable;
  for (const addrinfo* to = addresses.get(); to != nullptr; to = to->ai_next) {
    const Probe probe = Connect(*to, timeout);
    if (probe == Probe::kConnected) return probe;
    if (probe == Probe::kRefused) result = probe;
  }
  return result;
}

}  // namespace kvd::rpc
