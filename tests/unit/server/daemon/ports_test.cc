// Ports that this very process holds, as another kvd would.

#include "server/daemon/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace kvd::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Listens on a port of the kernel's choice, on every interface or on loopback.
class Listening {
 public:
  explicit Listening(in_addr_t at = INADDR_LOOPBACK) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(at);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { close(fd_); }

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  int fd_;
  uint16_t port_ = 0;
};

config::NodeSettings At(const config::HostPort& listen, const config::HostPort& peer_listen) {
  config::NodeSettings node;
  node.listen = listen;
  node.peer_listen = peer_listen;
  return node;
}

const config::HostPort kAny = {"127.0.0.1", 0};

TEST(PortsTest, FreePortsAreFine) {
  EXPECT_FALSE(WhatIsTaken(At(kAny, kAny)));
  uint16_t free = 0;
  { free = Listening().port(); }
  EXPECT_FALSE(WhatIsTaken(At({"127.0.0.1", free}, kAny)));
  EXPECT_FALSE(WhatIsTaken(At({"localhost", free}, kAny)));
}

TEST(PortsTest, WhoeverHasThePortIsNamed) {
  const std::string me = "in use by pid " + std::to_string(getpid()) + " (";
  for (const in_addr_t at : {INADDR_LOOPBACK, INADDR_ANY}) {
    const Listening other(at);
    for (const char* host : {"127.0.0.1", "0.0.0.0", "localhost"}) {
      const auto taken = WhatIsTaken(At({host, other.port()}, kAny));
      ASSERT_TRUE(taken) << host;
      EXPECT_EQ(taken->code, kPortInUse);
      EXPECT_THAT(taken->message, AllOf(HasSubstr(me), HasSubstr("(listen)"), HasSubstr(host)));
    }
    const auto taken = WhatIsTaken(At(kAny, {"127.0.0.1", other.port()}));
    ASSERT_TRUE(taken);
    EXPECT_THAT(taken->message, HasSubstr("(peer_listen)"));
    config::NodeSettings node = At(kAny, kAny);
    node.http_listen = config::HostPort{"127.0.0.1", other.port()};
    const auto http = WhatIsTaken(node);
    ASSERT_TRUE(http);
    EXPECT_EQ(http->code, kPortInUse);
    EXPECT_THAT(http->message, AllOf(HasSubstr(me), HasSubstr("(http_listen)")));
  }
}

TEST(PortsTest, AnAddressOfAnotherHostIsNotCalledTaken) {
  const auto failure = WhatIsTaken(At({"192.0.2.1", 7400}, kAny));
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->message, AllOf(HasSubstr("192.0.2.1:7400"), HasSubstr("not of this host")));
}

}  // namespace
}  // namespace kvd::daemon
