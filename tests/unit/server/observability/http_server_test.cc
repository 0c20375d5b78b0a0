// A server on a free port that answers with the path it was asked for, and those who ask it: well,
// badly, slowly, or not at all.

#include "server/observability/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/http.h"
#include "tests/support/reserved_port.h"

namespace kvd::observability {
namespace {

using namespace std::chrono_literals;
using kvd::testing::Eventually;
using kvd::testing::HttpAnswer;
using kvd::testing::HttpConnection;
using kvd::testing::ParseAnswer;
using kvd::testing::ReservedPort;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Duration kLong = 1h;  // What is not to happen in a test.

HttpResponse Echo(const HttpRequest& request) {
  return {.body = request.path};
}

std::unique_ptr<HttpServer> Started(HttpServer::Options options) {
  auto server = HttpServer::Start(std::move(options));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::unique_ptr<HttpServer> EchoServer(size_t max_connections = 64, Duration patience = kLong) {
  return Started({.host = "127.0.0.1",
                  .handler = Echo,
                  .max_connections = max_connections,
                  .patience = patience});
}

HttpAnswer Asked(const HttpConnection& connection, const std::string& request) {
  connection.Send(request);
  return ParseAnswer(connection.ReadToEnd());
}

HttpAnswer Get(const HttpServer& server, const std::string& target,
               const std::string& host = "127.0.0.1") {
  return Asked(HttpConnection(server.port(), host),
               "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(HttpServerTest, AGetIsAnsweredAndTheConnectionEnds) {
  const auto server = EchoServer();
  EXPECT_NE(server->port(), 0);
  const HttpAnswer answer = Get(*server, "/livez");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body, "/livez");
}

TEST(HttpServerTest, ARequestMayComeInPieces) {
  const auto server = EchoServer();
  const HttpConnection connection(server->port());
  for (const char c : std::string_view("GET /livez HTTP/1.1\r\n\r")) connection.Send({&c, 1});
  EXPECT_EQ(Asked(connection, "\n").body, "/livez");
}

TEST(HttpServerTest, ALargeAnswerArrivesWhole) {
  const std::string large(8U << 20U, 'x');
  const auto server = Started({.host = "127.0.0.1", .handler = [&](const HttpRequest&) {
                                 return HttpResponse{.body = large};
                               }});
  EXPECT_EQ(Get(*server, "/").body, large);
}

TEST(HttpServerTest, APortInUseIsAnError) {
  const ReservedPort taken;
  taken.Listen();
  const auto server =
      HttpServer::Start({.host = "127.0.0.1", .port = taken.port(), .handler = Echo});
  EXPECT_EQ(server.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(server.status()), HasSubstr("in use"));
}

TEST(HttpServerTest, TwoServersNeverShareAPort) {
  const auto first = EchoServer();
  const auto second =
      HttpServer::Start({.host = "127.0.0.1", .port = first->port(), .handler = Echo});
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

TEST(HttpServerTest, APortIsFreeAgainAtOnce) {
  auto first = EchoServer();
  const uint16_t port = first->port();
  EXPECT_EQ(Get(*first, "/").code, 200);
  first.reset();
  const auto second = Started({.host = "127.0.0.1", .port = port, .handler = Echo});
  EXPECT_EQ(second->port(), port);
  EXPECT_EQ(Get(*second, "/").code, 200);
}

TEST(HttpServerTest, AnAddressOfAnotherHostIsAnError) {
  EXPECT_EQ(HttpServer::Start({.host = "192.0.2.1", .handler = Echo}).status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(HttpServer::Start({.host = "no-such-host.invalid", .handler = Echo}).status().code(),
            StatusCode::kUnavailable);
}

bool HasIpv6Loopback() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    found = found || (at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET6);
  }
  freeifaddrs(list);
  return found;
}

// Nothing can be said of IPv6 on a machine that has none.
TEST(HttpServerTest, EveryIpv6AddressMeansEveryIpv4AddressToo) {
  if (!HasIpv6Loopback()) return;
  const auto one = Started({.host = "::1", .handler = Echo});
  EXPECT_EQ(Get(*one, "/six", "::1").body, "/six");
  const auto all = Started({.host = "::", .handler = Echo});
  EXPECT_EQ(Get(*all, "/six", "::1").body, "/six");
  EXPECT_EQ(Get(*all, "/four").body, "/four");
}

TEST(HttpServerTest, OfANameEveryAddressHasTheSamePort) {
  const auto server = Started({.host = "localhost", .handler = Echo});
  EXPECT_EQ(Get(*server, "/four").body, "/four");
}

TEST(HttpServerTest, PostIsRefusedAndItsBodyDoesNotTakeTheAnswerBack) {
  const auto server = EchoServer();
  const HttpAnswer answer = Asked(
      HttpConnection(server->port()),
      "POST /metrics HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  EXPECT_EQ(answer.code, 405);
}

TEST(HttpServerTest, HugeHeadersAreRefused) {
  const auto server = EchoServer();
  std::string request = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i)
    request += "X-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(Asked(HttpConnection(server->port()), request).code, 431);
  EXPECT_EQ(Get(*server, "/livez").body, "/livez");
}

TEST(HttpServerTest, NobodyWaitsForConnectionsThatSayNothing) {
  const auto server = EchoServer();
  std::vector<HttpConnection> idle;
  for (int i = 0; i < 300; ++i) idle.emplace_back(server->port());
  const HttpConnection slow(server->port());
  slow.Send("GET /slow HTTP/1.1\r\n");
  EXPECT_EQ(Get(*server, "/livez").body, "/livez");
  EXPECT_EQ(Asked(slow, "\r\n").body, "/slow");
}

TEST(HttpServerTest, WhoHasWaitedLongestToSpeakGoesForWhoComes) {
  const auto server = EchoServer(2);
  const HttpConnection first(server->port());
  const HttpConnection second(server->port());
  const HttpConnection third(server->port());
  EXPECT_THAT(first.ReadToEnd(), IsEmpty());
  EXPECT_EQ(Asked(third, "GET /third HTTP/1.1\r\n\r\n").body, "/third");
  EXPECT_EQ(Asked(second, "GET /second HTTP/1.1\r\n\r\n").body, "/second");
}

TEST(HttpServerTest, PatienceEnds) {
  const auto server = EchoServer(64, 10ms);
  const HttpConnection idle(server->port());
  EXPECT_THAT(idle.ReadToEnd(), IsEmpty());
}

TEST(HttpServerTest, WhoSpeaksALittleAtATimeIsHungUpOn) {
  const auto server = EchoServer(64, 1s);
  const HttpConnection slow(server->port());
  slow.Send("GET / HTTP/1.1\r\nX: ");
  EXPECT_TRUE(Eventually(10s, [&] { return !slow.Send("x"); }));
  EXPECT_THAT(slow.ReadToEnd(), IsEmpty());
}

// What it sends, and nobody reads, is taken until then.
TEST(HttpServerTest, WhoDoesNotTakeTheAnswerIsHungUpOn) {
  const std::string large(64U << 20U, 'x');
  const auto server =
      Started({.host = "127.0.0.1",
               .handler = [&](const HttpRequest&) { return HttpResponse{.body = large}; },
               .patience = 50ms});
  const HttpConnection connection(server->port());
  connection.Send("GET / HTTP/1.1\r\n\r\n");
  while (connection.Send(std::string(1U << 16U, 'x'))) continue;
  EXPECT_LT(connection.ReadToEnd().size(), large.size());
}

TEST(HttpServerTest, WhoGoesOnSpeakingAfterTheAnswerIsHungUpOn) {
  const auto server = EchoServer(64, 10ms);
  const HttpConnection connection(server->port());
  connection.Send("GET / HTTP/1.1\r\n\r\n");
  while (connection.Send(std::string(1U << 16U, 'x'))) continue;
}

TEST(HttpServerTest, WhoHangsUpIsForgotten) {
  const auto server = EchoServer(1);
  for (int i = 0; i < 10; ++i) {
    HttpConnection(server->port()).Send("GET /gone HTTP/1.1\r\n\r\n");
    HttpConnection(server->port()).Send("GET /half");
  }
  EXPECT_EQ(Get(*server, "/livez").body, "/livez");
}

TEST(HttpServerTest, WhoeverWaitsForTheHandlerIsAnsweredAfterIt) {
  std::atomic<bool> begun = false;
  std::atomic<bool> go_on = false;
  const auto server = Started({.host = "127.0.0.1",
                               .handler =
                                   [&](const HttpRequest& request) {
                                     begun = true;
                                     begun.notify_all();
                                     go_on.wait(false);
                                     return Echo(request);
                                   },
                               .patience = kLong});
  std::vector<HttpConnection> all;
  for (int i = 0; i < 5; ++i) {
    all.emplace_back(server->port()).Send("GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n");
    begun.wait(false);
  }
  go_on = true;
  go_on.notify_all();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ParseAnswer(all[i].ReadToEnd()).body, "/" + std::to_string(i));
  }
}

}  // namespace
}  // namespace kvd::observability
