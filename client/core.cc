#include "client/core.h"

#include <fmt/format.h>

#include "client/credentials.h"
#include "config/host_port.h"

namespace kvd::client {
namespace {

Result<std::vector<Endpoint>> ParseEndpoints(const Options& options) {
  std::vector<Endpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    const auto at = config::HostPort::Parse(text);
    if (!at.ok()) return BadRequest("endpoint " + Message(at.status()));
    if (at->port == 0)
      return BadRequest(fmt::format("endpoint {}: port 0 cannot be dialled", text));
    if (!options.tls && !options.insecure && !at->is_loopback()) {
      return BadRequest(fmt::format(
          "{} is not a loopback address, and without TLS keys and values can be read on "
          "the way; give a CA (--cacert), or allow plaintext (--insecure)",
          text));
    }
    endpoints.push_back({.name = text, .at = *at});
  }
  if (endpoints.empty()) return BadRequest("no endpoint given");
  return endpoints;
}

}  // namespace

Error BadRequest(std::string message) {
  return {.kind = ErrorKind::kBadRequest, .message = std::move(message)};
}

Error Nonsense(std::string_view what, const std::string& endpoint) {
  return {.kind = ErrorKind::kFault,
          .message = fmt::format("{} answered {} that contradicts itself", endpoint, what),
          .endpoint = endpoint};
}

Result<Access> Access::From(const Options& options) {
  auto endpoints = ParseEndpoints(options);
  if (!endpoints.ok()) return endpoints.error();
  auto credentials = MakeCredentials(options.tls);
  if (!credentials.ok()) return credentials.error();
  return Access{.endpoints = *std::move(endpoints),
                .credentials = *std::move(credentials),
                .tls = options.tls.has_value(),
                .insecure = options.insecure};
}

Result<std::shared_ptr<Core>> Core::Open(const Options& options) {
  auto access = Access::From(options);
  if (!access.ok()) return access.error();
  return std::make_shared<Core>(*std::move(access), options);
}

}  // namespace kvd::client
