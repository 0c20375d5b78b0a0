// The world of the config tests: short cluster files, and what the parser says of them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/parse.h"

namespace kvd::config {

// The minimal file of three nodes. Lines 1 to 6.
inline constexpr std::string_view kMinimal = R"(version: 1
cluster: { name: demo }
nodes:
  - { name: n1, address: "127.0.0.1:7400" }
  - { name: n2, address: "127.0.0.1:7410" }
  - { name: n3, address: "127.0.0.1:7420" }
)";

// The minimal file with `more` from line 7 on.
inline std::string MinimalAnd(std::string_view more) {
  return std::string(kMinimal) + std::string(more);
}

// A file of the given nodes, one flow map per line from line 4 on.
inline std::string FileOf(const std::vector<std::string>& nodes, std::string_view more = "") {
  std::string out = "version: 1\ncluster: { name: demo, partitions: 16384 }\nnodes:\n";
  for (const std::string& each : nodes) out += "  - {" + each + "}\n";
  return out + std::string(more);
}

// The diagnostics, one "7:3: error: ..." each.
inline std::vector<std::string> Said(std::string_view text) {
  std::vector<std::string> out;
  for (const Diagnostic& each : Parse(text).diagnostics) {
    const char* severity = each.severity == Severity::kError ? "error" : "warning";
    out.push_back(std::to_string(each.line) + ":" + std::to_string(each.column) + ": " + severity +
                  ": " + each.message);
  }
  return out;
}

inline ClusterFile Accepted(std::string_view text) {
  ParseResult result = Parse(text);
  EXPECT_TRUE(result.file.has_value()) << Render(result.diagnostics, text, "test.yaml");
  return result.file.value_or(ClusterFile{});
}

}  // namespace kvd::config
