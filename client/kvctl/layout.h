// Text for people: colours, columns, and figures short enough to read at a glance.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace kvd::kvctl {

enum class Tint : uint8_t { kNone, kBold, kGreen, kYellow, kRed };

// `text` in that tint; unchanged unless `colour`.
[[nodiscard]] std::string Paint(std::string_view text, Tint tint, bool colour);

// `text` with control characters and what is not UTF-8 as \xNN: what a node says cannot move the
// cursor.
[[nodiscard]] std::string Visible(std::string_view text);

// The columns `text` takes on a terminal, one per code point. REQUIRES: UTF-8.
[[nodiscard]] size_t DisplayWidth(std::string_view text);

// "812", "12.3K", "1.20M".
[[nodiscard]] std::string FormatCount(uint64_t count);

// "0.8s", "42s", "4m12s", "3h 4m", "3d 4h".
[[nodiscard]] std::string FormatAge(Duration age);

// "0.42 ms", "12.3 ms", "1.52 s".
[[nodiscard]] std::string FormatLatency(Duration took);

// "1 node", "2 nodes".
[[nodiscard]] std::string Plural(uint64_t count, std::string_view noun);

// The title, a bar that is full at 100, the figures: never wider than `columns`. The bar gives way
// first. REQUIRES: UTF-8.
[[nodiscard]] std::string BarLine(const std::string& title, uint64_t percent,
                                  const std::string& figures, size_t columns);

// Columns as wide as their widest cell, two spaces between them, numbers to the right.
class Table {
 public:
  enum class Align : uint8_t { kLeft, kRight };

  void AddColumn(std::string_view name, Align align = Align::kLeft);

  struct Cell {
    std::string text;
    Tint tint = Tint::kNone;
  };
  // Cells of `row` that are empty show as "-". REQUIRES: as many as there are columns.
  void AddRow(std::vector<Cell> row);

  // The heading and the rows, each ending in a newline and in no spaces.
  [[nodiscard]] std::string Render(bool colour) const;

 private:
  struct Column {
    std::string name;
    Align align = Align::kLeft;
    size_t width = 0;
  };

  [[nodiscard]] std::string Line(const std::vector<Cell>& cells, bool colour) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace kvd::kvctl
