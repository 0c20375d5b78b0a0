// The C++ library of kvd: blocking calls on a cluster, from any number of threads.
//
//   auto client = kvd::client::Client::Open({.endpoints = {"10.0.0.1:7400", "10.0.0.2:7400"}});
//   if (!client.ok()) return Complain(client.error());
//   auto put = client->Put("greeting", "hello world");
//   if (!put.ok() && put.error().kind == kvd::client::ErrorKind::kOutcomeUnknown) ...
//
// Any node answers for any key. Of several endpoints the first that answers is used, and stays in
// use while it does: one that refuses connections costs next to nothing, one that never answers a
// fraction of a second. A node that is starting or stopping is passed over. A read whose connection
// breaks goes to the next endpoint by itself; a write does not, because it may have been applied:
// it ends with ErrorKind::kOutcomeUnknown, and the caller decides.
//
// Keys and values are bytes. Keys have 1 byte to limits.max_key_bytes (4 KiB), values at most
// limits.max_value_bytes (1 MiB unless the cluster file says otherwise, 4 MiB at most).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/result.h"
#include "common/clock.h"

namespace kvd::client {

// No node accepts a larger value; refused before anything is sent.
inline constexpr uint64_t kMaxValueBytes = uint64_t{4} << 20U;

// Names of PEM files.
struct Tls {
  std::string ca_file{};    // Whom to trust. Empty: the system's authorities.
  std::string cert_file{};  // Who we are, for clusters with mutual TLS. Both or neither.
  std::string key_file{};
};

struct Options {
  // host:port, [v6]:port or name:port; the order is the order of asking.
  std::vector<std::string> endpoints = {"127.0.0.1:7400"};

  // For one operation, connecting and all endpoints included. Zero: no limit.
  Duration timeout = std::chrono::seconds(5);

  // Unset: plaintext.
  std::optional<Tls> tls{};

  // Plaintext to an address that is not loopback: keys and values can be read on the way.
  bool insecure = false;
};

// What differs for one call.
struct CallOptions {
  std::optional<Duration> timeout{};  // Instead of Options::timeout.
};

// Threading: thread-safe; calls of several threads share one connection. Calls block; they hold no
// lock while they wait for a node.
class Client {
 public:
  // Checks the options and reads the TLS files. Nothing is connected yet: an unreachable cluster is
  // an error of the first call. Fails with kBadRequest.
  static Result<Client> Open(const Options& options);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // REQUIRES: no call is in progress.
  ~Client();

  // The latest committed value. An absent key is an answer, not an error.
  Result<GetAnswer> Get(std::string_view key, CallOptions call = {}) const;

  // As Get(), without sending the value.
  Result<ExistsAnswer> Exists(std::string_view key, CallOptions call = {}) const;

  // Answered once the write is durable and applied.
  Result<PutAnswer> Put(std::string_view key, std::string_view value, CallOptions call = {}) const;

  // Answered once the deletion is durable and applied. Deleting an absent key writes nothing.
  Result<DeleteAnswer> Delete(std::string_view key, CallOptions call = {}) const;

  // Who owns which partition. Refused with NODE_JOINING before the cluster is founded.
  Result<Ring> GetRing(CallOptions call = {}) const;

  // The members, and what the answering node knows of them. Answered in every state.
  Result<ClusterStatus> GetStatus(CallOptions call = {}) const;

  // Who answers. Answered in every state.
  Result<PingAnswer> Ping(CallOptions call = {}) const;

 private:
  class Core;
  explicit Client(std::unique_ptr<Core> core);

  std::unique_ptr<Core> core_;
};

}  // namespace kvd::client
