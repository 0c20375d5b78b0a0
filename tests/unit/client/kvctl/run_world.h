// The world of tests that run whole commands: a fake node, and a console in memory.
//
// Threading: confined to the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../fake_kvd.h"
#include "client/kvctl/console.h"
#include "client/kvctl/run.h"

namespace kvd::kvctl {

class MemoryConsole final : public Console {
 public:
  [[nodiscard]] Status WriteOut(std::string_view bytes) override {
    if (full) return MakeStatus(StatusCode::kUnknown, "write standard output: no space left");
    if (closed) return MakeStatus(StatusCode::kCancelled, "write standard output: broken pipe");
    out += bytes;
    return OkStatus();
  }
  void WriteErr(std::string_view text) override {
    err += text;
    if (on_err) on_err();
  }
  [[nodiscard]] StatusOr<std::string> ReadIn(size_t limit) override {
    return in.substr(0, limit + 1);
  }
  [[nodiscard]] StatusOr<std::string> ReadLine() override {
    const size_t end = std::min(in.find('\n'), in.size());
    std::string line = in.substr(0, end);
    in.erase(0, end + 1);
    return line;
  }
  [[nodiscard]] bool in_is_terminal() const override { return terminal; }
  [[nodiscard]] bool out_is_terminal() const override { return terminal; }
  [[nodiscard]] bool err_is_terminal() const override { return err_terminal; }
  [[nodiscard]] size_t err_columns() const override { return 100; }

  std::string in;
  std::string out;
  std::string err;
  bool terminal = false;  // Standard input and output.
  bool err_terminal = false;
  bool full = false;
  bool closed = false;
  std::function<void()> on_err;  // After every write to standard error.
};

class RunWorld : public ::testing::Test {
 protected:
  ExitCode Do(const std::vector<std::string>& words) {
    console_.out.clear();
    console_.err.clear();
    const auto environment = [&](std::string_view name) -> std::optional<std::string> {
      if (name == "KVCTL_ENDPOINTS") return endpoints_;
      if (name == "TERM") return console_.err_terminal ? "xterm" : "dumb";
      if (name == "USER") return "alice";
      return std::nullopt;
    };
    return kvctl::Run(words, environment, console_);
  }

  client::FakeKvd node_{{.node = "n1", .nodes = {"n1", "n2"}}};
  std::string endpoints_ = node_.address();
  MemoryConsole console_;
};

}  // namespace kvd::kvctl
