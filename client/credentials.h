// The credentials of a channel, from the names of PEM files.
//
// Threading: values.
#pragma once

#include <memory>
#include <optional>

#include "client/client.h"
#include "client/result.h"

namespace grpc {
class ChannelCredentials;
}

namespace kvd::client {

// Plaintext without `tls`. Fails with kBadRequest, naming the file, if one cannot be read, is not
// PEM, or if one of certificate and key is missing.
Result<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const std::optional<Tls>& tls);

}  // namespace kvd::client
