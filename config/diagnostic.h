// What is wrong with a file, and where: collected in one pass, shown like a compiler's messages.
//
// Pure. Threading: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvd::config {

// Counted from 1; columns count bytes.
struct Place {
  uint32_t line = 1;
  uint32_t column = 1;

  friend auto operator<=>(const Place&, const Place&) = default;
};

enum class Severity : uint8_t { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  uint32_t line = 1;
  uint32_t column = 1;
  // Bytes to underline where the place says more than the message; 0: the source line is not shown.
  uint32_t length = 0;
  std::string message;
};

[[nodiscard]] bool HasErrors(const std::vector<Diagnostic>& diagnostics);

// Errors first, each kind in the order of the file.
void Sort(std::vector<Diagnostic>& diagnostics);

// One line per diagnostic, "cluster.yaml:14:17: error: ...", with the source line and a caret under
// it where there is something to underline, and last the count: "5 errors, 1 warning". Empty if
// there are none. After 100 only the count goes on. `text` is what was parsed; places outside it
// are shown without source.
[[nodiscard]] std::string Render(const std::vector<Diagnostic>& diagnostics, std::string_view text,
                                 std::string_view file_name);

}  // namespace kvd::config
