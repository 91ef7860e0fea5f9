#include "replay/query_tables.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(NamesTableTest, FindsWholeWordsInAnyCase) {
  EXPECT_TRUE(NamesTable("SELECT * FROM Orders", "orders"));
  EXPECT_TRUE(NamesTable("select 1 from public.orders;", "orders"));
  EXPECT_TRUE(NamesTable("table orders", "orders"));
  EXPECT_TRUE(NamesTable("select \"Orders\".id from \"Orders\"", "Orders"));
  EXPECT_TRUE(NamesTable("select reorders, orders", "orders"));
}

TEST(NamesTableTest, PassesOverPartsOfWords) {
  EXPECT_FALSE(NamesTable("select * from orders_2016", "orders"));
  EXPECT_FALSE(NamesTable("select * from my_orders", "orders"));
  EXPECT_FALSE(NamesTable("select * from orders2", "orders"));
  EXPECT_FALSE(NamesTable("select * from ordersü", "orders"));
  EXPECT_FALSE(NamesTable("", "orders"));
}

TEST(NamesTableTest, FindsNamesThatNeedQuoting) {
  EXPECT_TRUE(NamesTable("select * from \"odd table\"", "odd table"));
  EXPECT_TRUE(NamesTable("select * from \"a \"\"b\"\" c\"", "a \"b\" c"));
  EXPECT_TRUE(NamesTable("select * from \"größe\"", "größe"));
}

Definition Partitioned() {
  Definition definition;
  TableDefinition root;
  root.name = {"public", "measured"};
  root.kind = 'p';
  TableDefinition year;
  year.name = {"public", "measured_2016"};
  year.parent = TableDefinition::Parent{root.name, ""};
  TableDefinition half;
  half.name = {"public", "first_half"};
  half.parent = TableDefinition::Parent{year.name, ""};
  TableDefinition other;
  other.name = {"public", "other"};
  definition.tables = {root, year, half, other};
  return definition;
}

TEST(NeedsTableTest, APartitionedTableNeedsItsPartitions) {
  const Definition definition = Partitioned();
  EXPECT_TRUE(NeedsTable("select * from measured", {"public", "first_half"}, definition));
  EXPECT_FALSE(NeedsTable("select * from measured", {"public", "other"}, definition));
}

// The rows of a partition may have come under the name of the root.
TEST(NeedsTableTest, APartitionNeedsWhatIsAboveIt) {
  const Definition definition = Partitioned();
  EXPECT_TRUE(NeedsTable("select * from first_half", {"public", "measured"}, definition));
}

TEST(NeedsTableTest, ATableTheDefinitionDoesNotKnowGoesByItsName) {
  EXPECT_TRUE(NeedsTable("select * from fresh", {"public", "fresh"}, Partitioned()));
  EXPECT_FALSE(NeedsTable("select * from other", {"public", "fresh"}, Partitioned()));
}

}  // namespace
}  // namespace trunkline
