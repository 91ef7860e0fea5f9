#include "replay/csv_tables.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/archive/temporary_folder.h"
#include "tests/unit/replay/csv_row.h"

namespace trunkline::test {
namespace {

// A table whose rows follow from their numbers; every thousandth one is `large_bytes` long, and
// reading the row `broken_row` fails.
class MadeTable final : public TableState {
 public:
  struct Shape {
    uint64_t rows = 0;
    size_t large_bytes = 0;
    uint64_t broken_row = UINT64_MAX;
  };

  MadeTable(const std::string& name, Shape shape) : shape_(shape) {
    relation_.schema = "public";
    relation_.name = name;
    relation_.columns = {{"id", 20, -1, true, "", ""}, {"note", 25, -1, false, "", ""}};
  }

  const Relation& relation() const override { return relation_; }
  uint64_t row_count() const override { return shape_.rows; }
  Result<void> ForEachRow(uint64_t first, uint64_t count,
                          const std::function<Result<void>(Tuple row)>& visit) const override {
    for (uint64_t number = first; number < first + count; ++number) {
      if (number == shape_.broken_row) return Fail(ErrorKind::kCorrupt, "a broken row");
      const std::string id = std::to_string(number);
      const std::string note(number % 1000 == 0 ? shape_.large_bytes : number % 7, ',');
      const Value row[] = {{ValueState::kText, id}, {ValueState::kText, note}};
      TRY(visit(row));
    }
    return {};
  }

 private:
  Relation relation_;
  const Shape shape_;
};

// One thread's work.
std::string Expected(const TableState& table) {
  std::string text = CsvHeader(table.relation());
  (void)table.ForEachRow(0, table.row_count(), [&](Tuple row) -> Result<void> {
    text += CsvRow(row);
    return {};
  });
  return text;
}

class CsvTablesTest : public testing::Test {
 protected:
  void Add(const std::string& name, MadeTable::Shape shape) {
    state_.tables.push_back(std::make_unique<MadeTable>(name, shape));
  }
  Result<void> Write() {
    return WriteCsvTables(state_, folder_.path(), [this](uint64_t rows) { wrote_ += rows; });
  }
  void ExpectFile(size_t table) const {
    const TableState& expected = *state_.tables[table];
    const std::string file = folder_ / ("public." + expected.relation().name + ".csv");
    EXPECT_TRUE(ReadFile(file) == Expected(expected)) << file;
  }

  TemporaryFolder folder_;
  DatabaseState state_;
  uint64_t wrote_ = 0;
};

TEST_F(CsvTablesTest, RowsStandInTheirOrder) {
  Add("none", {});
  Add("many", {.rows = 100'001});
  Add("one_piece", {.rows = 16 << 10});
  Add("few", {.rows = 3});
  ASSERT_TRUE(Write());
  for (size_t table = 0; table < state_.tables.size(); ++table) ExpectFile(table);
  EXPECT_EQ(wrote_, 100'001U + (16 << 10) + 3);
}

TEST_F(CsvTablesTest, PiecesOfLargeRowsAreWrittenInParts) {
  Add("large", {.rows = 60'000, .large_bytes = 300'000});
  Add("small", {.rows = 20'000});
  ASSERT_TRUE(Write());
  ExpectFile(0);
  ExpectFile(1);
}

TEST_F(CsvTablesTest, AFailureIsReportedAsItself) {
  for (const uint64_t broken : {0U, 16U << 10, 99'999U}) {
    state_.tables.clear();
    Add("whole" + std::to_string(broken), {.rows = 50'000});
    Add("broken" + std::to_string(broken), {.rows = 100'000, .broken_row = broken});
    Add("never" + std::to_string(broken), {.rows = 50'000});
    const Result<void> written = Write();
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "a broken row");
  }
}

TEST_F(CsvTablesTest, AFileThatIsThereIsNotReplaced) {
  Add("twice", {.rows = 40'000});
  Add("twice", {.rows = 40'000});
  EXPECT_FALSE(Write());
  EXPECT_FALSE(Write());
}

}  // namespace
}  // namespace trunkline::test
