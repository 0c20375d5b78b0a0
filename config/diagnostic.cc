#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>

namespace kvd::config {
namespace {

constexpr size_t kMaxShown = 100;
constexpr size_t kMaxLineBytes = 160;

std::vector<std::string_view> Lines(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool StartsCharacter(char c) {
  return (static_cast<uint8_t>(c) & 0xc0U) != 0x80U;
}

// How many columns `bytes` take on a terminal, near enough: one per character.
size_t Width(std::string_view bytes) {
  return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), StartsCharacter));
}

// What could move the cursor becomes a space, so that the caret stays under its text.
std::string Printable(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

void AppendSource(std::string& out, const Diagnostic& diagnostic,
                  const std::vector<std::string_view>& lines) {
  if (diagnostic.length == 0 || diagnostic.line == 0 || diagnostic.line > lines.size()) return;
  std::string_view line = lines[diagnostic.line - 1];
  if (line.size() > kMaxLineBytes) {
    size_t cut = kMaxLineBytes;
    while (cut > 0 && !StartsCharacter(line[cut])) --cut;
    line = line.substr(0, cut);
  }
  const size_t start = diagnostic.column - size_t{1};
  if (diagnostic.column == 0 || start > line.size()) return;

  const size_t width = std::max<size_t>(1, Width(line.substr(start, diagnostic.length)));
  fmt::format_to(std::back_inserter(out), "{:5} | {}\n", diagnostic.line, Printable(line));
  fmt::format_to(std::back_inserter(out), "      | {}^{}\n",
                 std::string(Width(line.substr(0, start)), ' '), std::string(width - 1, '~'));
}

std::string Count(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Totals(const std::vector<Diagnostic>& diagnostics) {
  const auto errors = static_cast<size_t>(
      std::count_if(diagnostics.begin(), diagnostics.end(),
                    [](const auto& each) { return each.severity == Severity::kError; }));
  const size_t warnings = diagnostics.size() - errors;
  if (warnings == 0) return Count(errors, "error");
  if (errors == 0) return Count(warnings, "warning");
  return Count(errors, "error") + ", " + Count(warnings, "warning");
}

}  // namespace

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const auto& each) { return each.severity == Severity::kError; });
}

void Sort(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const auto& a, const auto& b) {
    return std::tie(a.severity, a.line, a.column) < std::tie(b.severity, b.line, b.column);
  });
}

std::string Render(const std::vector<Diagnostic>& diagnostics, std::string_view text,
                   std::string_view file_name) {
  if (diagnostics.empty()) return {};
  const std::vector<std::string_view> lines = Lines(text);
  std::string out;
  for (const Diagnostic& each :
       std::span(diagnostics).first(std::min(kMaxShown, diagnostics.size()))) {
    fmt::format_to(std::back_inserter(out), "{}:{}:{}: {}: {}\n", file_name, each.line, each.column,
                   each.severity == Severity::kError ? "error" : "warning", each.message);
    AppendSource(out, each, lines);
  }
  if (diagnostics.size() > kMaxShown) {
    fmt::format_to(std::back_inserter(out), "... and {} more\n", diagnostics.size() - kMaxShown);
  }
  return out + Totals(diagnostics) + "\n";
}

}  // namespace kvd::config
