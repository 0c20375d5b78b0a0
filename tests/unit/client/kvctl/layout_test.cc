#include "client/kvctl/layout.h"

#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LayoutTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table;
  table.AddColumn("NODE");
  table.AddColumn("OWNS", Table::Align::kRight);
  table.AddColumn("ZONE");
  table.AddRow({{"n1"}, {"7"}, {"z\xc3\xbcrich"}});
  table.AddRow({{"node-10"}, {"12345"}, {""}});
  EXPECT_EQ(table.Render(/*colour=*/false),
            "NODE      OWNS  ZONE\n"
            "n1           7  z\xc3\xbcrich\n"
            "node-10  12345  -\n");
}

TEST(LayoutTest, ColourDoesNotMoveColumns) {
  Table table;
  table.AddColumn("A");
  table.AddColumn("B");
  table.AddRow({{"up", Tint::kGreen}, {"x"}});
  table.AddRow({{"down", Tint::kRed}, {"y"}});
  EXPECT_EQ(table.Render(/*colour=*/true),
            "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\n"
            "\x1b[32mup\x1b[0m    x\n"
            "\x1b[31mdown\x1b[0m  y\n");
}

TEST(LayoutTest, CountsHaveThreeDigits) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(9999), "9999");
  EXPECT_EQ(FormatCount(12'345), "12.3K");
  EXPECT_EQ(FormatCount(1'200'000), "1.20M");
  EXPECT_EQ(FormatCount(999'999), "1.00M");
}

TEST(LayoutTest, AgesHaveTwoUnits) {
  EXPECT_EQ(FormatAge(milliseconds(840)), "0.8s");
  EXPECT_EQ(FormatAge(seconds(42)), "42s");
  EXPECT_EQ(FormatAge(seconds(252)), "4m12s");
  EXPECT_EQ(FormatAge(seconds(3 * 3600 + 240)), "3h 4m");
  EXPECT_EQ(FormatAge(seconds(3 * 86400 + 4 * 3600)), "3d 4h");
}

TEST(LayoutTest, VisibleEscapesControlsAndBrokenText) {
  EXPECT_EQ(Visible("z\xc3\xbcrich"), "z\xc3\xbcrich");
  EXPECT_EQ(Visible("a\tb\x7f"), "a\\x09b\\x7f");
  EXPECT_EQ(Visible("\xc2\x9b"), "\\xc2\\x9b");  // CSI as one character.
  EXPECT_EQ(Visible("\xff"), "\\xff");
}

}  // namespace
}  // namespace kvd::kvctl
