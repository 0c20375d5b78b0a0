#include "server/observability/http_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

namespace kvd::observability {
namespace {

constexpr int kBacklog = 64;

// After the process ran out of descriptors.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

// Until whoever was answered has closed, so that no answer is lost because we did so first.
constexpr Duration kLastWords = std::chrono::seconds(1);

Instant Now() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

// As poll() wants it; rounded up, so that what is due is due when it returns.
int MillisecondsUntil(Instant when, Instant now) {
  if (when == Instant::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - now).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

}  // namespace

class HttpServer::Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct HttpServer::Connection {
  enum class Stage : uint8_t { kReading, kWriting, kDraining, kOver };

  Socket socket;
  Instant deadline;
  Stage stage = Stage::kReading;
  bool ready = false;  // To go on, says the last poll.
  std::string in = {};
  std::string out = {};
  size_t sent = 0;
};

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(Options options) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(options)));
  KVD_RETURN_IF_ERROR(server->Listen());
  server->thread_ = std::thread([raw = server.get()] { raw->Run(); });
  return server;
}

HttpServer::HttpServer(Options options)
    : options_(std::move(options)),
      port_(options_.port),
      stop_(std::make_unique<Socket>(eventfd(0, EFD_CLOEXEC))) {}

HttpServer::~HttpServer() {
  if (!thread_.joinable()) return;
  (void)eventfd_write(stop_->get(), 1);
  thread_.join();
}

namespace {

// Without SO_REUSEPORT: a port that another process serves is an error. With IPv4 on [::], too.
int BindAndListen(int fd, const addrinfo& at) {
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (at.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  const bool ok = bind(fd, at.ai_addr, at.ai_addrlen) == 0 && listen(fd, kBacklog) == 0;
  return ok ? 0 : errno;
}

uint16_t PortOf(int fd) {
  sockaddr_in6 address{};  // The port is in the same place in both families.
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);
}

// Where a name stands for several addresses, all get the port that the first one got.
void SetPort(addrinfo& at, uint16_t port) {
  reinterpret_cast<sockaddr_in6*>(at.ai_addr)->sin6_port = htons(port);
}

}  // namespace

Status HttpServer::Listen() {
  const auto failed = [this](const std::string& why) {
    return MakeStatus(StatusCode::kUnavailable, fmt::format("cannot listen on {} port {}: {}",
                                                            options_.host, options_.port, why));
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(options_.port);
  const int unknown = getaddrinfo(options_.host.c_str(), port.c_str(), &hints, &list);
  if (unknown != 0) return failed(gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  int first_error = 0;
  for (addrinfo* at = list; at != nullptr; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SetPort(*at, port_);
    const int error = socket.ok() ? BindAndListen(socket.get(), *at) : errno;
    if (error == EADDRINUSE) return failed("the port is in use");
    if (error != 0 && first_error == 0) first_error = error;
    if (error != 0) continue;
    port_ = PortOf(socket.get());
    listeners_.push_back(std::move(socket));
  }
  if (listeners_.empty()) return failed(std::generic_category().message(first_error));
  return OkStatus();
}

void HttpServer::Run() {
  (void)pthread_setname_np(pthread_self(), "kvd-http");
  while (true) {
    Await();
    if (stopping_) return;
    for (Connection& connection : connections_) {
      if (connection.ready) Go(connection);
    }
    const Instant now = Now();
    // Who asked while the handler was busy with somebody else is heard first.
    std::erase_if(connections_, [now](const Connection& each) {
      const bool asks = each.ready && each.stage == Connection::Stage::kReading;
      return each.stage == Connection::Stage::kOver || (!asks && each.deadline <= now);
    });
    if (accept_at_ > now) continue;
    for (const Socket& listener : listeners_) Accept(listener);
  }
}

void HttpServer::Await() {
  const Instant now = Now();
  std::vector<pollfd> fds = {{stop_->get(), POLLIN, 0}};
  Instant wake_at = Instant::max();
  for (const Connection& each : connections_) {
    const bool writes = each.stage == Connection::Stage::kWriting;
    fds.push_back({each.socket.get(), static_cast<int16_t>(writes ? POLLOUT : POLLIN), 0});
    wake_at = std::min(wake_at, each.deadline);
  }
  if (accept_at_ > now) {
    wake_at = std::min(wake_at, accept_at_);
  } else {
    for (const Socket& listener : listeners_) fds.push_back({listener.get(), POLLIN, 0});
  }
  // An error is no news of anybody: nobody is ready then.
  (void)poll(fds.data(), fds.size(), MillisecondsUntil(wake_at, now));
  stopping_ = fds.front().revents != 0;
  size_t i = 1;
  for (Connection& each : connections_) each.ready = fds[i++].revents != 0;
}

void HttpServer::Accept(const Socket& listener) {
  // No more at once than there is room for: who was dropped for others was at least listened to.
  for (size_t i = 0; i < options_.max_connections; ++i) {
    Socket socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.ok()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        accept_at_ = Now() + kAcceptPause;
      }
      return;
    }
    if (connections_.size() >= options_.max_connections) MakeRoom();
    connections_.push_back({.socket = std::move(socket), .deadline = Now() + options_.patience});
  }
}

void HttpServer::MakeRoom() {
  const auto idle =
      std::ranges::find(connections_, Connection::Stage::kReading, &Connection::stage);
  connections_.erase(idle != connections_.end() ? idle : connections_.begin());
}

void HttpServer::Go(Connection& connection) const {
  using Stage = Connection::Stage;
  if (connection.stage == Stage::kReading) Read(connection);
  if (connection.stage == Stage::kWriting) {
    const auto rest = std::string_view(connection.out).substr(connection.sent);
    const ssize_t sent = send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) connection.stage = Stage::kOver;
    if (sent > 0) connection.sent += static_cast<size_t>(sent);
    if (connection.sent < connection.out.size()) return;
    shutdown(connection.socket.get(), SHUT_WR);
    connection.stage = Stage::kDraining;
    connection.deadline = std::min(connection.deadline, Now() + kLastWords);
  }
  // What else was sent is of no interest, but closing on it would take the answer back.
  if (connection.stage == Stage::kDraining) {
    std::array<char, 4096> unread{};
    const ssize_t got = recv(connection.socket.get(), unread.data(), unread.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) connection.stage = Stage::kOver;
  }
}

void HttpServer::Read(Connection& connection) const {
  std::array<char, 4096> piece{};
  const ssize_t got = recv(connection.socket.get(), piece.data(), piece.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    connection.stage = Connection::Stage::kOver;
    return;
  }
  connection.in.append(piece.data(), static_cast<size_t>(got));
  const auto parsed = ParseRequest(connection.in);
  if (const auto* request = std::get_if<HttpRequest>(&parsed)) {
    Answer(connection, options_.handler(*request));
  } else if (const auto* refused = std::get_if<HttpResponse>(&parsed)) {
    Answer(connection, *refused);
  }
}

void HttpServer::Answer(Connection& connection, const HttpResponse& response) const {
  connection.out = FormatResponse(response);
  connection.deadline = Now() + options_.patience;
  connection.stage = Connection::Stage::kWriting;
}

}  // namespace kvd::observability
