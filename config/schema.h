// Every key a cluster file may have, as the parser itself asks for them: what keeps the JSON Schema
// for editors (cluster.schema.json) in step with the parser.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvd::config {

enum class KeyKind : uint8_t {
  kSection,     // A map.
  kList,        // A list of maps.
  kNumber,      // A whole number.
  kBoolean,     // true or false.
  kSize,        // 512, 4KiB.
  kShare,       // 5%, or a size.
  kDuration,    // 250ms.
  kText,        // Any text of the key's own form.
  kAddress,     // host:port.
  kChoice,      // One of a few words.
  kChoiceList,  // A list of them.
};

struct KnownKey {
  std::string path;  // "nodes[].address"
  KeyKind kind = KeyKind::kText;
  bool required = false;
  std::vector<std::string> choices;
};

// In the order in which they are read; a section comes before its keys.
[[nodiscard]] std::vector<KnownKey> KnownKeys();

}  // namespace kvd::config
