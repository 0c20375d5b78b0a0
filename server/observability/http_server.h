// Answers GETs of probes and scrapers, on one thread, however many of them there are and however
// slowly they speak: what nobody else waits for must not cost memory or threads.
//
// By hand: cpp-httplib 0.11 gives a thread to each connection until it speaks, and takes as many
// headers as are sent. Behind four of its threads and 40 idle connections a probe waited for 10 s.
//
// Owns: its thread and its sockets. Threading: thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "server/observability/http_message.h"

namespace kvd::observability {

class HttpServer {
 public:
  // Called on the server's thread, for one request at a time; the others wait meanwhile.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  struct Options {
    std::string host;   // An address or a name; of a name every address is listened on.
    uint16_t port = 0;  // 0: a free one.
    Handler handler;

    // Beyond them, who waits longest for somebody to speak is dropped for who comes.
    size_t max_connections = 64;

    // The time a request may take to arrive, and an answer to be taken.
    Duration patience = std::chrono::seconds(5);
  };

  // Listens and serves. UNAVAILABLE if the port is in use or the address not of this host.
  [[nodiscard]] static StatusOr<std::unique_ptr<HttpServer>> Start(Options options);

  // Stops listening at once, waits for the handler, and drops what is underway.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  class Socket;
  struct Connection;

  explicit HttpServer(Options options);

  [[nodiscard]] Status Listen();
  void Run();
  void Await();
  void Accept(const Socket& listener);
  void MakeRoom();
  void Go(Connection& connection) const;
  void Read(Connection& connection) const;
  void Answer(Connection& connection, const HttpResponse& response) const;

  const Options options_;
  uint16_t port_ = 0;
  std::vector<Socket> listeners_;
  std::unique_ptr<Socket> stop_;       // Readable: stop.
  bool stopping_ = false;              // The thread's, as is what follows.
  std::list<Connection> connections_;  // Oldest first.
  Instant accept_at_{};                // Not before.
  std::thread thread_;
};

}  // namespace kvd::observability
