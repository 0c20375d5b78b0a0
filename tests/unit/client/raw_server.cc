#include "raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "common/check.h"

namespace kvd::client {
namespace {

bool BecomesReadable(int fd, const std::atomic<bool>& stopping) {
  while (!stopping) {
    pollfd poll_fd{fd, POLLIN, 0};
    if (poll(&poll_fd, 1, 10) > 0) return true;
  }
  return false;
}

// Looks for the end of an HTTP/2 request: a DATA frame (type 0) after the 24 bytes of preface.
bool HasRequest(std::string_view bytes) {
  size_t at = 24;
  while (at + 9 <= bytes.size()) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    if (byte(3) == 0) return true;
    at += 9 + (static_cast<size_t>(byte(0)) << 16U | static_cast<size_t>(byte(1)) << 8U | byte(2));
  }
  return false;
}

}  // namespace

RawServer::RawServer(Behaviour behaviour) : behaviour_(behaviour) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  KVD_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "a free port");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  // Bound and not listening: the port refuses, and nobody else can take it.
  if (behaviour_ == Behaviour::kRefuses) return;

  listen(listener_, behaviour_ == Behaviour::kNeverConnects ? 0 : 16);
  if (behaviour_ == Behaviour::kNeverConnects) {
    filler_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    KVD_CHECK(connect(filler_, reinterpret_cast<sockaddr*>(&address), size) == 0, "a queue of one");
    return;
  }
  if (behaviour_ == Behaviour::kNeverAnswers) return;
  thread_ = std::thread([this] { Serve(); });
}

RawServer::~RawServer() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (filler_ >= 0) close(filler_);
  close(listener_);
}

void RawServer::Serve() {
  while (BecomesReadable(listener_, stopping_)) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (behaviour_ == Behaviour::kBreaksRequests) BreakOneRequest(connection);
    close(connection);
  }
}

void RawServer::BreakOneRequest(int connection) {
  // An empty SETTINGS frame is all a server must say before it is believed.
  constexpr std::array<char, 9> kSettings = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  if (send(connection, kSettings.data(), kSettings.size(), MSG_NOSIGNAL) < 0) return;
  std::string received;
  while (!HasRequest(received)) {
    if (!BecomesReadable(connection, stopping_)) return;
    std::array<char, 4096> chunk{};
    const ssize_t got = recv(connection, chunk.data(), chunk.size(), 0);
    if (got <= 0) return;
    received.append(chunk.data(), static_cast<size_t>(got));
  }
  ++requests_;
}

}  // namespace kvd::client
