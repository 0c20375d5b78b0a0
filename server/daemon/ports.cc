#include "server/daemon/ports.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace kvd::daemon {
namespace {

// An address as /proc/net/tcp writes it: the words of the address in the host's order, in hex.
std::string AsInProc(const sockaddr& address) {
  std::array<uint32_t, 4> words{};
  const size_t count = address.sa_family == AF_INET6 ? 4 : 1;
  if (count == 4) {
    std::memcpy(words.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  } else {
    words[0] = reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr;
  }
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{:08X}", words[i]);
  return text;
}

// Before an IPv4 address that an IPv6 socket is bound to, which is how gRPC listens.
constexpr std::string_view kMapped = "0000000000000000FFFF0000";

bool IsWildcard(const std::string& address) {
  return address.find_first_not_of('0') == std::string::npos;
}

// The sockets that listen on `port` where `address` would.
std::set<std::string> ListeningInodes(const std::string& address, uint16_t port) {
  std::set<std::string> inodes;
  const std::string wanted_port = fmt::format("{:04X}", port);
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
          timeout >> inode;
      const size_t colon = local.find(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (local.substr(colon + 1) != wanted_port) continue;
      std::string at = local.substr(0, colon);
      if (at.starts_with(kMapped)) at.erase(0, kMapped.size());
      if (at == address || IsWildcard(at) || IsWildcard(address)) inodes.insert(inode);
    }
  }
  return inodes;
}

bool HasOneOf(const std::set<std::string>& sockets, const std::filesystem::path& process) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(process / "fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(at->path(), gone).string();
    if (!gone && sockets.contains(target)) return true;
  }
  return false;
}

// "pid 812 (redis-server)", or "another process" if it is not ours to see.
std::string HolderOf(const std::string& address, uint16_t port) {
  std::set<std::string> sockets;
  for (const std::string& inode : ListeningInodes(address, port)) {
    sockets.insert("socket:[" + inode + "]");
  }
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end;
       !sockets.empty() && !error && at != end; at.increment(error)) {
    const std::string pid = at->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!HasOneOf(sockets, at->path())) continue;
    std::string name;
    std::getline(std::ifstream(at->path() / "comm"), name);
    return fmt::format("pid {} ({})", pid, name);
  }
  return "another process";
}

// 0, or why it cannot be bound.
int TryToBind(const addrinfo& at) {
  const int fd = socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // As gRPC does: old ends are no harm.
  const int error = bind(fd, at.ai_addr, at.ai_addrlen) == 0 ? 0 : errno;
  close(fd);
  return error;
}

Failure CannotListen(const config::Listener& listener, const addrinfo& at, int error) {
  const std::string what =
      fmt::format("cannot listen on {} ({})", listener.at.ToString(), listener.key);
  switch (error) {
    case EADDRINUSE:
      return {kPortInUse,
              fmt::format("{}: the port is in use by {}; stop it, or choose another port", what,
                          HolderOf(AsInProc(*at.ai_addr), listener.at.port))};
    case EADDRNOTAVAIL:
      return {kPortInUse,
              what + ": the address is not of this host; correct it, or listen on 0.0.0.0"};
    case EACCES:
      return {kNoPermission,
              what + ": not permitted; choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE"};
    default:
      return {kPortInUse, fmt::format("{}: {}", what, std::generic_category().message(error))};
  }
}

// A name may stand for several addresses: that one of them is taken is a failure, that one of them
// is not of this host is none while another is.
std::optional<Failure> TryListener(const config::Listener& listener) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(listener.at.port);
  if (const int failed = getaddrinfo(listener.at.host.c_str(), port.c_str(), &hints, &list);
      failed != 0) {
    return Failure{kPortInUse,
                   fmt::format("cannot listen on {} ({}): {}; is the name right?",
                               listener.at.ToString(), listener.key, gai_strerror(failed))};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  std::optional<Failure> first;
  bool bound = false;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    const int error = TryToBind(*at);
    if (error == EADDRINUSE) return CannotListen(listener, *at, error);
    if (error == 0) bound = true;
    if (error != 0 && !first) first = CannotListen(listener, *at, error);
  }
  return bound ? std::nullopt : first;
}

}  // namespace

std::optional<Failure> WhatIsTaken(const config::NodeSettings& node) {
  for (const config::Listener& listener : config::Listeners(node)) {
    if (listener.at.port == 0) continue;
    if (auto failure = TryListener(listener)) return failure;
  }
  return std::nullopt;
}

}  // namespace kvd::daemon
