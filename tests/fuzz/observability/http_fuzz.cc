// Any bytes as a request: what is accepted is a path, what is refused says why, nothing is waited
// for beyond the limit, and what was decided of a beginning stands, whatever comes behind it.

#include <cstdint>
#include <string_view>
#include <variant>

#include "common/check.h"
#include "server/observability/http_message.h"

using kvd::observability::HttpRequest;
using kvd::observability::HttpResponse;
using kvd::observability::Incomplete;
using kvd::observability::kMaxRequestBytes;
using kvd::observability::ParseRequest;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = ParseRequest(bytes);
  if (const auto* request = std::get_if<HttpRequest>(&whole)) {
    KVD_CHECK(request->path.starts_with('/'), request->path);
    KVD_CHECK(request->path.find_first_of("? \r\n") == std::string::npos, request->path);
    KVD_CHECK(request->Has("verbose") <= (request->query.find("verbose") != std::string::npos),
              request->query);
  } else if (const auto* refused = std::get_if<HttpResponse>(&whole)) {
    KVD_CHECK(refused->code >= 400 && !refused->body.empty(), "a refusal says why");
  } else {
    KVD_CHECK(size < kMaxRequestBytes, "waits for more than it takes");
  }
  const auto half = ParseRequest(bytes.substr(0, size / 2));
  KVD_CHECK(std::holds_alternative<Incomplete>(half) || half.index() == whole.index(), "undecided");
  return 0;
}
