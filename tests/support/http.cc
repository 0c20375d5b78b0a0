#include "tests/support/http.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "common/check.h"

namespace kvd::testing {
namespace {

// -1: nobody listens there.
int Connected(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  KVD_CHECK(getaddrinfo(host.c_str(), port.c_str(), &hints, &list) == 0, host);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  const int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  KVD_CHECK(fd >= 0, "socket");
  if (connect(fd, list->ai_addr, list->ai_addrlen) == 0) return fd;
  close(fd);
  return -1;
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string ReadAll(int fd) {
  std::string all;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = recv(fd, piece.data(), piece.size(), 0)) > 0;) {
    all.append(piece.data(), static_cast<size_t>(got));
  }
  return all;
}

}  // namespace

HttpConnection::HttpConnection(uint16_t port, const std::string& host)
    : fd_(Connected(host, std::to_string(port))) {
  KVD_CHECK(fd_ >= 0, "connect to " + host);
}

HttpConnection::~HttpConnection() {
  if (fd_ >= 0) close(fd_);
}

HttpConnection::HttpConnection(HttpConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

bool HttpConnection::Send(std::string_view bytes) const {
  return SendAll(fd_, bytes);
}

std::string HttpConnection::ReadToEnd() const {
  return ReadAll(fd_);
}

std::ostream& operator<<(std::ostream& out, const HttpAnswer& answer) {
  return out << answer.head << "\n\n" << answer.body;
}

HttpAnswer ParseAnswer(const std::string& bytes) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const size_t end = bytes.find("\r\n\r\n");
  HttpAnswer answer;
  if (end == std::string::npos || !bytes.starts_with(kVersion)) return answer;
  const char* const code = bytes.data() + kVersion.size();
  std::from_chars(code, bytes.data() + end, answer.code);
  answer.head = bytes.substr(0, end);
  answer.body = bytes.substr(end + 4);
  return answer;
}

HttpAnswer HttpGet(const std::string& address, const std::string& target) {
  const size_t colon = address.rfind(':');
  const int fd = Connected(address.substr(0, colon), address.substr(colon + 1));
  if (fd < 0) return {};
  SendAll(fd, "GET " + target + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n");
  const std::string bytes = ReadAll(fd);
  close(fd);
  return ParseAnswer(bytes);
}

}  // namespace kvd::testing
