// Ports fed with what no client and no node would send. The nodes stay up, and serve.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

// Sends the bytes and hears what is answered, until the other side hangs up or is silent.
void Feed(const std::string& address, std::string_view bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
  ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0) << address;
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // Hung up on: what we are here for.
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  shutdown(fd, SHUT_WR);
  pollfd answer{.fd = fd, .events = POLLIN, .revents = 0};
  char chunk[4096];
  while (poll(&answer, 1, 1000) > 0 && recv(fd, chunk, sizeof chunk, 0) > 0) continue;
  close(fd);
}

std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  return bytes;
}

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

std::string Literal(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

// A gRPC call of `method` with `message` as its only message, as HTTP/2 frames.
std::string Call(uint32_t stream, const std::string& method, const std::string& message) {
  const std::string headers = Literal(":method", "POST") + Literal(":scheme", "http") +
                              Literal(":path", method) + Literal(":authority", "kvd") +
                              Literal("content-type", "application/grpc") +
                              Literal("te", "trailers");
  std::string body(1, '\0');
  for (const int shift : {24, 16, 8, 0}) body += static_cast<char>(message.size() >> shift);
  return Frame(1, 4, stream, headers) + Frame(0, 1, stream, body + message);
}

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, "");

std::vector<std::string> Garbage(Random& random) {
  std::vector<std::string> all = {
      "",
      "GET / HTTP/1.1\r\nHost: kvd\r\n\r\n",
      "POST /kvd.v1.KV/Put HTTP/1.1\r\nContent-Length: 999999999\r\n\r\nxxxx",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      kPreface,
      kPreface.substr(0, 20),
      kPreface + Frame(9, 0, 77, RandomBytes(random, 100))};
  for (int i = 0; i < 6; ++i) {
    all.push_back(RandomBytes(random, random.Between(1, 100'000)));
    all.push_back(kPreface + RandomBytes(random, random.Between(1, 10'000)));
    std::string frames = kPreface;
    for (int f = 0; f < 20; ++f) {
      frames +=
          Frame(static_cast<uint8_t>(random.Below(11)), static_cast<uint8_t>(random.Below(64)),
                static_cast<uint32_t>(random.Below(8)), RandomBytes(random, random.Below(200)));
    }
    all.push_back(frames);
  }
  for (const std::string method :
       {"/kvd.v1.KV/Put", "/kvd.v1.KV/Get", "/kvd.v1.KV/Delete", "/kvd.v1.Cluster/GetRing",
        "/kvd.peer.v1.Peer/Hello", "/kvd.peer.v1.Peer/Link", "/nobody/knows"}) {
    std::string calls = kPreface;
    for (uint32_t stream = 1; stream < 40; stream += 2) {
      calls += Call(stream, method, RandomBytes(random, random.Below(300)));
    }
    all.push_back(calls);
    all.push_back(kPreface + Call(1, method, ""));
  }
  return all;
}

TEST(GarbageTest, PortsFedWithGarbageGoOnServing) {
  Cluster cluster;
  ASSERT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  Random random(20261122);
  for (const std::string& bytes : Garbage(random)) {
    for (const std::string& address : {cluster.peer_address(2), cluster.address(2)}) {
      Feed(address, bytes);
      ASSERT_FALSE(HasFatalFailure());
    }
  }
  EXPECT_EQ(cluster.process(2).Wait(Duration::zero()), std::nullopt) << "n2 has ended";
  cluster.AwaitReady();
  for (int asked = 1; asked <= 3; ++asked) {
    const auto get = cluster.ClientOf(asked).Get("key");
    ASSERT_TRUE(get.ok()) << get.error().message;
    EXPECT_EQ(get->entry->value, "value");
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(cluster.ClientOf(asked).Put("key" + std::to_string(i), "value").ok());
    }
  }
  for (int node = 1; node <= 3; ++node) EXPECT_EQ(cluster.Stop(node), 0);
}

}  // namespace
}  // namespace kvd::testing
