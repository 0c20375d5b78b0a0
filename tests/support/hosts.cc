#include "tests/support/hosts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

constexpr const char* kBridge = "kvd-bridge";

std::string NamespaceOf(const std::string& process) {
  std::error_code none;
  return std::filesystem::read_symlink("/proc/" + process + "/ns/net", none).string();
}

std::unique_ptr<Process> NewNamespace() {
  return std::make_unique<Process>(
      Process::Options{.command = {"unshare", "--net", "sleep", "infinity"}});
}

std::string PortOf(int host) {
  return fmt::format("kvd-port{}", host);
}

}  // namespace

std::string Hosts::WhyNone() {
  const std::string what_is_needed =
      fmt::format("ip link add {} type bridge && ip link add type veth", kBridge);
  const Finished tried = RunToEnd({.command = {"unshare", "--net", "sh", "-c", what_is_needed}});
  if (tried.code == 0) return "";
  return "this machine gives no network namespaces, so nothing was tested on several hosts: " +
         (tried.err.empty() ? "unshare or ip is not there" : tried.err);
}

Hosts::Hosts(int count) {
  for (int host = 0; host <= count; ++host) {
    keepers_.push_back(NewNamespace());
    const std::string pid = std::to_string(keepers_.back()->pid());
    EXPECT_TRUE(Eventually([&] {
      const std::string is = NamespaceOf(pid);
      return !is.empty() && is != NamespaceOf("self");
    }));
  }
  Ip(0, {"link", "add", kBridge, "type", "bridge"});
  Ip(0, {"link", "set", kBridge, "up"});
  Ip(0, {"address", "add", "10.93.0.254/24", "dev", kBridge});
  for (int host = 1; host <= count; ++host) Connect(host);
}

std::string Hosts::AddressOf(int host) {
  return fmt::format("10.93.0.{}", host);
}

std::vector<std::string> Hosts::On(int host, std::vector<std::string> words) const {
  const pid_t pid = keepers_.at(static_cast<size_t>(host))->pid();
  std::vector<std::string> command = {"nsenter", "--target", std::to_string(pid), "--net", "--"};
  std::ranges::move(words, std::back_inserter(command));
  return command;
}

void Hosts::Ip(int host, std::vector<std::string> words) const {
  words.insert(words.begin(), "ip");
  const Finished done = RunToEnd({.command = On(host, std::move(words))});
  EXPECT_EQ(done.code, 0) << done;
}

void Hosts::Connect(int host) {
  const std::string port = PortOf(host);
  const std::string pid = std::to_string(keepers_.at(static_cast<size_t>(host))->pid());
  Ip(0, {"link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid});
  Ip(0, {"link", "set", port, "master", kBridge, "up"});
  Ip(host, {"address", "add", AddressOf(host) + "/24", "dev", "eth0"});
  Ip(host, {"link", "set", "eth0", "up"});
  Ip(host, {"link", "set", "lo", "up"});
}

// The sender's own kernel drops them, on connections that are there already too.
void Hosts::Route(const char* verb, int from, int to) const {
  Ip(from, {"route", verb, "blackhole", AddressOf(to) + "/32"});
}

void Hosts::Unplug(int host) {
  Ip(0, {"link", "set", PortOf(host), "down"});
}

void Hosts::Plug(int host) {
  Ip(0, {"link", "set", PortOf(host), "up"});
}

}  // namespace kvd::testing
