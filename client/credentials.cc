#include "client/credentials.h"

#include <fmt/format.h>
#include <grpcpp/security/credentials.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace kvd::client {
namespace {

Error BadFile(std::string message) {
  return {.kind = ErrorKind::kBadRequest, .message = std::move(message)};
}

Result<std::string> ReadPem(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    return BadFile(fmt::format("read {}: {}", file, std::generic_category().message(errno)));
  }
  if (text.find("-----BEGIN ") == std::string::npos) {
    return BadFile(fmt::format("read {}: not a PEM file (no -----BEGIN line)", file));
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const std::optional<Tls>& tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  if (tls->cert_file.empty() != tls->key_file.empty()) {
    return BadFile("a client certificate needs both its certificate and its key file");
  }

  grpc::SslCredentialsOptions options;
  for (const auto& [file, pem] : {std::pair{&tls->ca_file, &options.pem_root_certs},
                                  std::pair{&tls->cert_file, &options.pem_cert_chain},
                                  std::pair{&tls->key_file, &options.pem_private_key}}) {
    if (file->empty()) continue;
    auto text = ReadPem(*file);
    if (!text.ok()) return text.error();
    *pem = *std::move(text);
  }
  return grpc::SslCredentials(options);
}

}  // namespace kvd::client
