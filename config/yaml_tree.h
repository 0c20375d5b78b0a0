// YAML as the cluster file uses it: maps, lists and scalars with their places, and nothing clever.
// Every scalar stays text, because what YAML makes of `0700`, `yes` or `1e3` is not what people
// mean. Refused: anchors and aliases, tags, several documents, tabs as indentation, control
// characters, text that is not UTF-8, files above 1 MiB.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace kvd::config {

inline constexpr size_t kMaxFileBytes = size_t{1024} * 1024;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Place place;
  uint32_t length = 1;          // Of the scalar in the source, roughly.
  std::string text;             // Of a scalar.
  bool quoted = false;          // A scalar in quotes is text, whatever it looks like.
  std::vector<YamlNode> keys;   // Of a map, parallel to `items`; duplicates and all.
  std::vector<YamlNode> items;  // Of a map or list.
};

// The root, if there are no errors. An empty document has a root of kind kNull.
struct YamlTree {
  std::optional<YamlNode> root;
  std::vector<Diagnostic> errors;
};

[[nodiscard]] YamlTree ReadYaml(std::string_view text);

}  // namespace kvd::config
