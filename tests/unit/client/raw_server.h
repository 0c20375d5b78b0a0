// Endpoints that are not kvd: what a client meets at the wrong port, on a frozen host, or when a
// connection breaks at the worst moment. Plain TCP on 127.0.0.1, without gRPC.
//
// Threading: thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace kvd::client {

class RawServer {
 public:
  enum class Behaviour {
    kRefuses,         // Nobody listens.
    kNeverConnects,   // Connecting hangs: the queue of connections is full.
    kNeverAnswers,    // Connects, and then says nothing.
    kHangsUp,         // Connects, and closes.
    kBreaksRequests,  // Speaks HTTP/2, and closes the connection when a request has arrived.
  };

  explicit RawServer(Behaviour behaviour);
  ~RawServer();

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // How many requests have been broken off.
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void Serve();
  void BreakOneRequest(int connection);

  const Behaviour behaviour_;
  int listener_ = -1;
  int filler_ = -1;  // Sits in the queue that must be full.
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

}  // namespace kvd::client
