#include "client/resolve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cctype>
#include <cstring>
#include <future>
#include <memory>
#include <thread>

namespace kvd::client {
namespace {

using Addresses = StatusOr<std::vector<SocketAddress>>;

Addresses LookUp(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (rc != 0) {
    std::string why = gai_strerror(rc);
    why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
    return MakeStatus(StatusCode::kNotFound, why);
  }

  std::vector<SocketAddress> found;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.length = at->ai_addrlen;
    found.push_back(address);
  }
  freeaddrinfo(list);
  return found;
}

}  // namespace

std::string SocketAddress::GrpcTarget() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("ipv4:{}:{}", text.data(), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof v6);
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return fmt::format("ipv6:[{}]:{}", text.data(), ntohs(v6.sin6_port));
}

StatusOr<std::vector<SocketAddress>> Resolve(const config::HostPort& at, Deadline deadline) {
  if (Addresses literal = LookUp(at.host, at.port, AI_NUMERICHOST); literal.ok()) return literal;

  // The thread outlives a caller that stops waiting: it owns all it touches.
  auto promise = std::make_shared<std::promise<Addresses>>();
  auto answer = promise->get_future();
  std::thread([promise, host = at.host, port = at.port] {
    promise->set_value(LookUp(host, port, 0));
  }).detach();

  if (deadline == Deadline::max()) return answer.get();
  if (answer.wait_until(deadline) != std::future_status::ready) {
    return MakeStatus(StatusCode::kDeadlineExceeded, "no answer from the resolver");
  }
  return answer.get();
}

}  // namespace kvd::client
