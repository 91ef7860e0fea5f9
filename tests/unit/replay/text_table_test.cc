#include "replay/text_table.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(TextTableTest, AlignsColumns) {
  TextTable table({Align::kLeft, Align::kRight, Align::kLeft});
  table.Add({"Table", "rows", ""});
  table.Add({"a", "1,000", "x"});
  table.Add({"größe", "7", "y"});
  EXPECT_EQ(table.Render("> "),
            "> Table   rows\n"
            "> a      1,000  x\n"
            "> größe      7  y\n");
}

TEST(FormatCountTest, GroupsThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(FormatCount(0, "row"), "0 rows");
  EXPECT_EQ(FormatCount(1, "row"), "1 row");
  EXPECT_EQ(FormatCount(1000, "row"), "1,000 rows");
}

TEST(PrintableTest, KeepsNamesFromDrawing) { EXPECT_EQ(Printable("a\x1b[2Jb\nç"), "a?[2Jb?ç"); }

}  // namespace
}  // namespace trunkline
