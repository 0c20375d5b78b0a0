#include "server/observability/http_message.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::observability {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::string_view kEndOfHead = "\r\n\r\n";

std::string_view Meaning(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

// Up to the separator; takes both off `text`.
std::string_view TakeUpTo(std::string_view separator, std::string_view& text) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + separator.size(), text.size()));
  return taken;
}

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

bool HttpRequest::Has(std::string_view parameter) const {
  for (std::string_view rest = query; !rest.empty();) {
    std::string_view one = TakeUpTo("&", rest);
    if (TakeUpTo("=", one) == parameter) return true;
  }
  return false;
}

std::variant<Incomplete, HttpRequest, HttpResponse> ParseRequest(std::string_view bytes) {
  const size_t end = bytes.substr(0, kMaxRequestBytes).find(kEndOfHead);
  if (end == std::string_view::npos) {
    if (bytes.size() < kMaxRequestBytes) return Incomplete{};
    return HttpResponse{
        .code = 431,
        .body = fmt::format("the request is larger than {} bytes\n", kMaxRequestBytes)};
  }
  std::string_view line = TakeUpTo(kEndOfLine, bytes);
  const std::string_view method = TakeUpTo(" ", line);
  std::string_view target = TakeUpTo(" ", line);
  if (!line.starts_with("HTTP/1.") || !target.starts_with('/') || !IsPrintable(target)) {
    return HttpResponse{.code = 400, .body = "this is no request of HTTP/1.1\n"};
  }
  if (method != "GET") return HttpResponse{.code = 405, .body = "only GET is answered here\n"};
  const std::string_view path = TakeUpTo("?", target);
  return HttpRequest{.path = std::string(path), .query = std::string(target)};
}

std::string FormatResponse(const HttpResponse& response) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\n"
      "Content-Type: {}\r\n"
      "Content-Length: {}\r\n"
      "{}"
      "Cache-Control: no-store\r\n"
      "Connection: close\r\n"
      "\r\n"
      "{}",
      response.code, Meaning(response.code), response.content_type, response.body.size(),
      response.code == 405 ? "Allow: GET\r\n" : "", response.body);
}

}  // namespace kvd::observability
