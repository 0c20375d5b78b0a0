// Writers of a failover bench: threads, each with a client and keys of its own, that put one value
// after the other and note when each was answered. What they noted says how long nobody, and how
// long one of them, was without success; reading their keys at the end says what was lost.
//
// Threading: Stop() and the queries are for the thread that made the object.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"

namespace kvd::bench {

using Time = std::chrono::steady_clock::time_point;

// In milliseconds, within the time asked for.
struct Gaps {
  double nobody = 0;  // The longest time in which no writer had a success.
  double worst = 0;   // The longest time in which some one writer had none.
};

class Writers {
 public:
  struct Options {
    std::vector<std::string> endpoints;  // Writer i starts with the one at i, modulo their number.
    std::vector<std::vector<std::string>> keys;  // One list per writer; no key is in two.
    Duration try_timeout{};
    Duration timeout = std::chrono::seconds(10);
  };

  // Starts to write.
  explicit Writers(const Options& options);
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  // Finishes the writes under way. Twice is a no-op.
  void Stop();

  // REQUIRES of all below: Stop() was called.
  [[nodiscard]] Gaps GapsWithin(Time from, Time to) const;
  [[nodiscard]] uint64_t SuccessesWithin(Time from, Time to) const;
  [[nodiscard]] uint64_t acknowledged() const;
  [[nodiscard]] std::vector<std::string> failures() const;  // One sentence each.

  // How many acknowledged writes `reader` does not see: those after the one found. A value that
  // was never sent, or a key that cannot be read, counts as one.
  [[nodiscard]] uint64_t CountLost(const client::Client& reader) const;

 private:
  struct Key {
    std::string name;
    std::vector<uint64_t> acknowledged{};  // Sequence numbers, increasing.
    uint64_t last_sent = 0;
  };
  struct Writer {
    client::Client client;
    std::vector<Key> keys;
    std::vector<Time> successes{};
    std::vector<std::string> failures{};
  };

  void Write(Writer& writer) const;

  std::vector<std::unique_ptr<Writer>> writers_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kvd::bench
