// Requests as browsers, curl and Prometheus send them, and as they should not be.

#include "server/observability/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kvd::observability {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The code with which it is refused; 0: it is not.
int RefusedWith(std::string_view bytes) {
  const auto parsed = ParseRequest(bytes);
  const auto* refused = std::get_if<HttpResponse>(&parsed);
  return refused == nullptr ? 0 : refused->code;
}

HttpRequest Accepted(std::string_view bytes) {
  const auto parsed = ParseRequest(bytes);
  EXPECT_TRUE(std::holds_alternative<HttpRequest>(parsed)) << bytes;
  const auto* request = std::get_if<HttpRequest>(&parsed);
  return request == nullptr ? HttpRequest{} : *request;
}

TEST(HttpMessageTest, ARequestIsWholeWithItsEmptyLine) {
  const std::string whole = "GET /livez HTTP/1.1\r\nHost: n1\r\n\r\n";
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_TRUE(std::holds_alternative<Incomplete>(ParseRequest(whole.substr(0, bytes)))) << bytes;
  }
  EXPECT_EQ(Accepted(whole).path, "/livez");
  EXPECT_EQ(Accepted(whole + "what comes behind it").path, "/livez");
  EXPECT_EQ(Accepted("GET / HTTP/1.0\r\n\r\n").path, "/");
}

TEST(HttpMessageTest, ParametersAreNamedWithOrWithoutAValue) {
  const auto is_verbose = [](const std::string& target) {
    return Accepted("GET " + target + " HTTP/1.1\r\n\r\n").Has("verbose");
  };
  for (const char* target :
       {"/livez?verbose", "/livez?verbose=1", "/livez?a=b&verbose", "/livez?verbose&a"}) {
    EXPECT_TRUE(is_verbose(target)) << target;
    EXPECT_EQ(Accepted(std::string("GET ") + target + " HTTP/1.1\r\n\r\n").path, "/livez");
  }
  for (const char* target : {"/livez", "/verbose", "/livez?", "/livez?a=verbose",
                             "/livez?verbosely", "/livez?averbose"}) {
    EXPECT_FALSE(is_verbose(target)) << target;
  }
}

TEST(HttpMessageTest, OtherMethodsThanGetAreRefused) {
  for (const char* method : {"POST", "HEAD", "PUT", "DELETE", "get", "GETS"}) {
    EXPECT_EQ(RefusedWith(std::string(method) + " /metrics HTTP/1.1\r\n\r\n"), 405) << method;
  }
}

TEST(HttpMessageTest, WhatIsNoRequestIsRefused) {
  for (const char* line :
       {"", "GET", "GET /", "GET / ", "GET /metrics HTTP/2", "GET metrics HTTP/1.1",
        "GET http://n1/metrics HTTP/1.1", "GET  / HTTP/1.1", "/ GET HTTP/1.1", "GET /\t HTTP/1.1",
        "GET /\xc3 HTTP/1.1", "PRI * HTTP/2.0"}) {
    EXPECT_EQ(RefusedWith(std::string(line) + "\r\n\r\n"), 400) << line;
  }
}

TEST(HttpMessageTest, WhatIsTooLargeIsRefusedAsSoonAsThatIsKnown) {
  std::string request = "GET / HTTP/1.1\r\nX: ";
  request.resize(kMaxRequestBytes - 4, 'x');
  EXPECT_EQ(Accepted(request + "\r\n\r\n").path, "/");
  EXPECT_EQ(RefusedWith(request + "x\r\n\r\n"), 431);
  request.resize(kMaxRequestBytes - 1, 'x');
  EXPECT_TRUE(std::holds_alternative<Incomplete>(ParseRequest(request)));
  EXPECT_EQ(RefusedWith(request + "x"), 431);
}

TEST(HttpMessageTest, AnAnswerSaysItsLengthAndThatItIsTheLast) {
  const std::string answer = FormatResponse({.code = 503, .body = "not live\n"});
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 9\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nnot live\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Allow")));
  EXPECT_THAT(FormatResponse({.code = 405}), HasSubstr("\r\nAllow: GET\r\n"));
}

}  // namespace
}  // namespace kvd::observability
