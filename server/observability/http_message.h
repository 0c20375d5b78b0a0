// As much of HTTP/1.1 as a probe or a scraper speaks: one GET without a body, one answer, and the
// connection ends.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace kvd::observability {

struct HttpRequest {
  std::string path;   // As sent, from its '/' on: nothing is decoded.
  std::string query;  // What is behind the '?'; may be empty.

  // Whether the query names this parameter: "verbose" in "?verbose" and "?a=1&verbose=true".
  [[nodiscard]] bool Has(std::string_view parameter) const;
};

struct HttpResponse {
  int code = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
};

// The request line and the headers may take this much together.
inline constexpr size_t kMaxRequestBytes = size_t{8} << 10U;

struct Incomplete {};

// Of what has arrived so far: a request; or that there is more to come; or how it is refused at
// once: 400 for what is no HTTP/1, 405 for other methods than GET, 431 for what is too large.
// Headers are not looked at, and what comes behind them is ignored.
[[nodiscard]] std::variant<Incomplete, HttpRequest, HttpResponse> ParseRequest(
    std::string_view bytes);

// As sent; says that the connection ends.
[[nodiscard]] std::string FormatResponse(const HttpResponse& response);

}  // namespace kvd::observability
