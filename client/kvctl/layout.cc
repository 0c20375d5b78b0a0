#include "client/kvctl/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/bytes.h"
#include "common/check.h"

namespace kvd::kvctl {
namespace {

constexpr size_t kWidestBar = 20;
constexpr size_t kNarrowestBar = 6;

std::string Bar(uint64_t percent, size_t cells) {
  const size_t full = std::min<uint64_t>(percent, 100) * cells / 100;
  std::string bar;
  for (size_t i = 0; i < cells; ++i) bar += i < full ? "\u2588" : "\u2591";
  return bar;
}

// `text` cut to `columns`. REQUIRES: UTF-8.
std::string Clip(std::string text, size_t columns) {
  size_t end = text.size();
  for (size_t width = DisplayWidth(text); width > columns; --width) {
    do --end;
    while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
  }
  text.resize(end);
  return text;
}

}  // namespace

std::string Paint(std::string_view text, Tint tint, bool colour) {
  constexpr std::array kCodes = {"", "1", "32", "33", "31"};
  if (!colour || tint == Tint::kNone || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes.at(static_cast<size_t>(tint)), text);
}

std::string Visible(std::string_view text) {
  const bool utf8 = IsUtf8(text);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C1 controls (U+0080 to U+009F) are C2 80 to C2 9F.
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && (!utf8 || c1))) {
      out += fmt::format("\\x{:02x}", byte);
      if (utf8 && c1) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string FormatCount(uint64_t count) {
  if (count < 10'000) return std::to_string(count);
  constexpr std::array kUnits = {"K", "M", "G", "T", "P", "E"};
  auto scaled = static_cast<double>(count) / 1000;
  size_t unit = 0;
  while (scaled >= 999.5 && unit + 1 < kUnits.size()) {
    scaled /= 1000;
    ++unit;
  }
  const int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", scaled, decimals, kUnits.at(unit));
}

std::string FormatAge(Duration age) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  if (ms < 10'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  const auto s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h {}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d {}h", s / 86'400, s % 86'400 / 3600);
}

std::string FormatLatency(Duration took) {
  const double ms = static_cast<double>(took.count()) / 1e6;
  if (ms >= 1000) return fmt::format("{:.2f} s", ms / 1000);
  return fmt::format("{:.{}f} ms", ms, ms < 10 ? 2 : 1);
}

std::string Plural(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string BarLine(const std::string& title, uint64_t percent, const std::string& figures,
                    size_t columns) {
  // The last column stays empty: some terminals begin a new line in it.
  const size_t room = std::max<size_t>(columns, 1) - 1;
  const size_t taken = DisplayWidth(title) + DisplayWidth(figures) + 1;
  const size_t cells = room > taken ? std::min(room - taken, kWidestBar) : 0;
  if (cells < kNarrowestBar) return Clip(title + figures, room);
  return title + Bar(percent, cells) + " " + figures;
}

void Table::AddColumn(std::string_view name, Align align) {
  columns_.push_back({std::string(name), align, DisplayWidth(name)});
}

void Table::AddRow(std::vector<Cell> row) {
  KVD_CHECK_OP(==, row.size(), columns_.size());
  for (size_t i = 0; i < row.size(); ++i) {
    row[i].text = row[i].text.empty() ? "-" : Visible(row[i].text);
    columns_[i].width = std::max(columns_[i].width, DisplayWidth(row[i].text));
  }
  rows_.push_back(std::move(row));
}

std::string Table::Render(bool colour) const {
  std::vector<Cell> heading;
  for (const Column& column : columns_) heading.push_back({column.name, Tint::kBold});
  std::string out = Line(heading, colour);
  for (const auto& row : rows_) out += Line(row, colour);
  return out;
}

std::string Table::Line(const std::vector<Cell>& cells, bool colour) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string pad(columns_[i].width - DisplayWidth(cells[i].text), ' ');
    const std::string text = Paint(cells[i].text, cells[i].tint, colour);
    const bool last = i + 1 == cells.size();
    if (i > 0) line += "  ";
    if (columns_[i].align == Align::kRight) {
      line += pad + text;
    } else {
      line += last ? text : text + pad;
    }
  }
  return line + "\n";
}

}  // namespace kvd::kvctl
