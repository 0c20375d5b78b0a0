// Several hosts on one machine: network namespaces with an address each, joined by one bridge, over
// which packets are lost as the test says. They are gone with the test, however that ends.
//
// Threading: confined to the test's main thread (see process.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace kvd::testing {

class Hosts {
 public:
  // Why this machine can have none, which is the reason to skip a test; empty: it can.
  [[nodiscard]] static std::string WhyNone();

  // Numbered from 1. REQUIRES: WhyNone() is empty.
  explicit Hosts(int count);

  // "10.93.0.1"
  [[nodiscard]] static std::string AddressOf(int host);

  // The command line that runs `words` on a host; on 0, a host of the test's own, which all reach.
  [[nodiscard]] std::vector<std::string> On(int host, std::vector<std::string> words) const;

  // Packets from one host to the other are lost, this way only; and no more.
  void Lose(int from, int to) { Route("add", from, to); }
  void Deliver(int from, int to) { Route("del", from, to); }

  // The host is unplugged; and plugged in again.
  void Unplug(int host);
  void Plug(int host);

 private:
  void Ip(int host, std::vector<std::string> words) const;
  void Connect(int host);
  void Route(const char* verb, int from, int to) const;

  // Each keeps its namespace; the first one has the bridge.
  std::vector<std::unique_ptr<Process>> keepers_;
};

}  // namespace kvd::testing
