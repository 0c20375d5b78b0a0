// The C++ library of kvd: blocking calls on a cluster, from any number of threads.
//
//   auto client = kvd::client::Client::Open({.endpoints = {"10.0.0.1:7400", "10.0.0.2:7400"}});
//   if (!client.ok()) return Complain(client.error());
//   auto put = client->Put("greeting", "hello world");
//   if (!put.ok() && put.error().kind == kvd::client::ErrorKind::kOutcomeUnknown) ...
//
// Any node answers for any key. Of several endpoints the first that answers is used, and stays in
// use while it does: one that refuses connections costs next to nothing, one that never answers a
// fraction of a second. A node that is starting or stopping is passed over.
//
// Reads and writes are tried again, at the other endpoints too, until they are answered or their
// time is over: what a failover interrupts is a little later, not failed. That is safe because
// every write carries a request id, under which it is applied at most once. Only what nobody can be
// connected to from the beginning fails at once. A write that was sent and has no definite answer
// when its time is over ends with ErrorKind::kOutcomeUnknown and its id in metadata["request_id"]:
// the same write, sent again with WriteOptions::request_id, is still applied at most once.
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
#include "client/request_id.h"
#include "client/result.h"
#include "common/clock.h"

namespace kvd::client {

// No node accepts a larger value; refused before anything is sent.
inline constexpr uint64_t kMaxValueBytes = uint64_t{4} << 20U;

// Of the keys and values of a batch together, and its operations.
inline constexpr uint64_t kMaxBatchBytes = uint64_t{4} << 20U;
inline constexpr size_t kMaxBatchItems = 1000;

// Names of PEM files.
struct Tls {
  std::string ca_file{};    // Whom to trust. Empty: the system's authorities.
  std::string cert_file{};  // Who we are, for clusters with mutual TLS. Both or neither.
  std::string key_file{};
};

struct Options {
  // host:port, [v6]:port or name:port; the order is the order of asking.
  std::vector<std::string> endpoints = {"127.0.0.1:7400"};

  // For one operation, connecting, all tries and endpoints included. Zero: no limit.
  Duration timeout = std::chrono::seconds(5);

  // A node that is silent for so long is passed over; the next try may take twice as long. Zero: it
  // may take all the time.
  Duration try_timeout = std::chrono::milliseconds(300);

  // Unset: plaintext.
  std::optional<Tls> tls{};

  // Plaintext to an address that is not loopback: keys and values can be read on the way.
  bool insecure = false;
};

// What differs for one call. `timeout`: instead of Options::timeout.
struct CallOptions {
  std::optional<Duration> timeout{};
};

enum class Consistency : uint8_t {
  kLinearizable,  // The latest committed value.
  kStale,         // What the node asked has applied: needs no majority, and may be out of date.
};

struct ReadOptions {
  std::optional<Duration> timeout{};
  Consistency consistency = Consistency::kLinearizable;
};

struct WriteOptions {
  std::optional<Duration> timeout{};

  // Write only if the key is at this version; 0: only if it is absent.
  std::optional<Version> if_version{};

  // Of an earlier call of the same write, to repeat it. Unset: the library makes one.
  std::optional<RequestId> request_id{};
};

// As WriteOptions, for writes without a condition of their own.
struct RepeatOptions {
  std::optional<Duration> timeout{};
  std::optional<RequestId> request_id{};
};

// One write of a batch: a put of the value, or a deletion.
struct BatchItem {
  std::string key;
  std::optional<std::string> value{};  // nullopt: delete the key.
  std::optional<Version> if_version{};
};

class Core;

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

  // The value of a key. An absent key is an answer, not an error.
  Result<GetAnswer> Get(std::string_view key, ReadOptions options = {}) const;

  // As Get(), without sending the value.
  Result<ExistsAnswer> Exists(std::string_view key, ReadOptions options = {}) const;

  // Answered once the write is durable and applied. A condition that failed is an answer.
  Result<PutAnswer> Put(std::string_view key, std::string_view value,
                        const WriteOptions& options = {}) const;

  // Answered once the deletion is durable and applied. Deleting an absent key writes nothing. A
  // condition that failed is an answer.
  Result<DeleteAnswer> Delete(std::string_view key, const WriteOptions& options = {}) const;

  // Adds `by` to a value that is a decimal 64-bit integer; an absent key counts as 0. Refused with
  // BAD_REQUEST, field "value", if the value is no number or the sum does not fit.
  Result<IncrementAnswer> Increment(std::string_view key, int64_t by = 1,
                                    const RepeatOptions& options = {}) const;

  // Writes distinct keys of one partition, all or nothing. A condition that failed is an answer.
  Result<BatchAnswer> Batch(const std::vector<BatchItem>& items,
                            const RepeatOptions& options = {}) const;

  // Who owns which partition. Refused with NODE_JOINING before the cluster is founded.
  Result<Ring> GetRing(CallOptions options = {}) const;

  // The members, and what the answering node knows of them. Answered in every state.
  Result<ClusterStatus> GetStatus(CallOptions options = {}) const;

  // Who answers. Answered in every state.
  Result<PingAnswer> Ping(CallOptions options = {}) const;

 private:
  friend class Admin;  // Shares the connections.

  explicit Client(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
};

}  // namespace kvd::client
