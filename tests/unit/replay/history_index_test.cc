// An index changes nothing of a history, whatever was walked when, and is trusted only where it is
// of the archive as it is. Random changes: the seed stands in the test's name and in each failure.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "replay/history_format.h"
#include "replay/history_query.h"
#include "replay/index_builder.h"
#include "replay/index_reader.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

constexpr int kRowKeys = 6;

// Random changes of two tables, one of which comes to have other columns.
class RowWorkload {
 public:
  explicit RowWorkload(unsigned seed) : random_(seed) {
    archive_.Snapshot(150, {{tables_[0], {}}, {tables_[1], {}}});
    Publish();
  }

  ArchiveBuilder& archive() { return archive_; }
  uint64_t lsn() const { return lsn_; }
  const std::vector<uint64_t>& instants() const { return instants_; }
  const Relation& table(size_t i) const { return tables_[i]; }

  void AddSegment(int transactions) {
    for (int i = 0; i < transactions; ++i, lsn_ += 8) {
      instants_.push_back(lsn_);
      std::vector<ChangeSpec> changes;
      for (int n = Below(4); n > 0; --n) changes.push_back(Step(static_cast<size_t>(Below(2))));
      archive_.Commit(lsn_, changes);
    }
    Publish();
  }

  // Attnums alone tell that the one was renamed.
  void RenameAndAddColumns() {
    tables_[1] = MakeRelation(2, "u", {"id*", "w", "n"});
    archive_.Commit(lsn_, {Define(DefinitionOf({{.relation = tables_[0]},
                                                {.relation = tables_[1], .missing = {{"n", "7"}}}}),
                                  Lsn{lsn_})});
    lsn_ += 8;
  }

  void TakeSnapshot() {
    const auto state = archive_.Rebuild("latest");
    ASSERT_TRUE(state) << state.error().ToString();
    std::vector<ArchiveBuilder::Contents> contents;
    for (const auto& table : state->tables) contents.push_back({table->relation(), {}});
    for (size_t i = 0; i < contents.size(); ++i) {
      const TableState& table = *state->tables[i];
      ASSERT_TRUE(table.ForEachRow(0, table.row_count(), [&](Tuple tuple) -> Result<void> {
        Row& row = contents[i].second.emplace_back();
        for (const Value& value : tuple) {
          row.push_back(value.state == ValueState::kNull ? Cell(nullptr)
                                                         : Cell(std::string(value.bytes)));
        }
        return {};
      }));
    }
    archive_.Snapshot(lsn_, contents, FormatDefinition(state->definition));
  }

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  void Publish() { archive_.Publish(lsn_); }

  Row NewRow(size_t table, const std::string& key, bool may_be_unchanged) {
    Row row = {key, std::to_string(Below(5))};
    if (Below(5) == 0) row[1] = Cell(nullptr);
    if (may_be_unchanged && Below(3) == 0) row[1] = Cell(kUnchanged);
    while (row.size() < tables_[table].columns.size()) row.emplace_back(std::to_string(Below(3)));
    return row;
  }

  ChangeSpec Step(size_t table) {
    std::map<std::string, bool>& rows = rows_[table];
    const Relation& relation = tables_[table];
    const std::string key = std::to_string(Below(kRowKeys));
    const std::string other = std::to_string(Below(kRowKeys));
    Row old_key(relation.columns.size(), Cell(nullptr));
    old_key[0] = Cell(key);
    if (Below(30) == 0) {
      rows.clear();
      return Truncate({relation});
    }
    if (!rows[key]) {
      rows[key] = true;
      return Insert(relation, NewRow(table, key, false));
    }
    if (Below(4) == 0) {
      rows[key] = false;
      return Delete(relation, old_key);
    }
    if (Below(2) == 0 || rows[other]) return Update(relation, NewRow(table, key, true));
    rows[key] = false;
    rows[other] = true;
    return UpdateKey(relation, old_key, NewRow(table, other, true));
  }

  std::mt19937 random_;
  ArchiveBuilder archive_;
  std::vector<Relation> tables_ = {MakeRelation(1, "t", {"id*", "v"}),
                                   MakeRelation(2, "u", {"id*", "v"})};
  std::map<std::string, bool> rows_[2];
  std::vector<uint64_t> instants_;
  uint64_t lsn_ = 200;
};

Result<HistoryAnswer> AskRow(const ArchiveBuilder& archive, const std::string& table, int key,
                             uint64_t from, uint64_t until, const IndexReader* index) {
  HistoryRequest request;
  request.table = table;
  request.key = std::to_string(key);
  request.from = Lsn{from};
  request.until = Lsn{until};
  return ReadHistory(archive.store(), archive.ReadCatalog(), request, index);
}

std::string AnswerAsJson(const Result<HistoryAnswer>& answer) {
  if (!answer) return answer.error().ToString();
  std::string out;
  for (size_t i = 0; i < answer->lives.size(); ++i) {
    const RowVersion* before = nullptr;
    for (const RowVersion& version : answer->lives[i]) {
      (*NewHistoryFormat("jsonl"))->Add(i, before, version, &out);
      before = &version;
    }
  }
  return out;
}

std::string IndexFolderOf(const ArchiveBuilder& archive) { return archive.folder() + "/index"; }

Result<IndexedCounts> BuildIndexOf(const ArchiveBuilder& archive,
                                   uint64_t bytes_per_mark = 1 << 20) {
  return BuildIndex(archive.store(), archive.ReadCatalog(),
                    {.folder = IndexFolderOf(archive), .bytes_per_mark = bytes_per_mark});
}

Result<std::unique_ptr<IndexReader>> OpenIndexOf(const ArchiveBuilder& archive) {
  return IndexReader::Open(archive.store(), archive.ReadCatalog(), IndexFolderOf(archive));
}

void ExpectSameAnswers(const RowWorkload& workload, const ArchiveBuilder& archive) {
  const auto index = OpenIndexOf(archive);
  ASSERT_TRUE(index) << index.error().ToString();
  const uint64_t middle = workload.instants()[workload.instants().size() / 2];
  for (const auto& [from, until] : {std::pair<uint64_t, uint64_t>{150, workload.lsn()},
                                    {middle, workload.lsn()},
                                    {150, middle},
                                    {middle, middle},
                                    {workload.lsn(), workload.lsn()}}) {
    for (int key = 0; key <= kRowKeys; ++key) {
      for (const std::string table : {"t", "u"}) {
        const auto indexed = AskRow(archive, table, key, from, until, index->get());
        EXPECT_TRUE(!indexed || indexed->by_index);
        EXPECT_EQ(AnswerAsJson(indexed),
                  AnswerAsJson(AskRow(archive, table, key, from, until, nullptr)))
            << table << " " << key << " from " << from << " to " << until;
      }
    }
  }
}

// The rows that histories say there were, as CSV lines by key.
std::map<std::string, std::string> RowsOfLives(const std::vector<RowLife>& lives,
                                               uint64_t instant) {
  std::map<std::string, std::string> rows;
  for (const RowLife& life : lives) {
    const RowVersion* last = nullptr;
    for (const RowVersion& version : life) {
      if (version.at.lsn < Lsn{instant}) last = &version;
    }
    if (last != nullptr && last->has_row) rows[last->key] = last->packed;
  }
  return rows;
}

class HistoryPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(HistoryPropertyTest, HistoryIsWhatRebuildsSayWithAndWithoutIndex) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RowWorkload workload(GetParam());
  ArchiveBuilder& archive = workload.archive();
  workload.AddSegment(12);
  ASSERT_TRUE(BuildIndexOf(archive));
  workload.RenameAndAddColumns();
  workload.AddSegment(12);
  ExpectSameAnswers(workload, archive);  // half of it beyond the index
  workload.TakeSnapshot();
  ASSERT_TRUE(BuildIndexOf(archive));
  workload.AddSegment(6);
  const auto counts = BuildIndexOf(archive, 1);
  ASSERT_TRUE(counts) << counts.error().ToString();
  EXPECT_FALSE(counts->anew);
  EXPECT_EQ(counts->end, Lsn{workload.lsn()});
  ExpectSameAnswers(workload, archive);

  for (const std::string table : {"t", "u"}) {
    std::vector<RowLife> lives;
    for (int key = 0; key < kRowKeys; ++key) {
      const auto answer = AskRow(archive, table, key, 150, workload.lsn(), nullptr);
      ASSERT_TRUE(answer) << answer.error().ToString();
      for (const RowLife& life : answer->lives) {
        EXPECT_TRUE(life.front().kind == VersionKind::kInsert ||
                    life.front().kind == VersionKind::kSnapshot)
            << table << " " << key << " begins with " << ToString(life.front().kind);
      }
      lives.insert(lives.end(), answer->lives.begin(), answer->lives.end());
    }
    for (const uint64_t instant : workload.instants()) {
      const auto state = archive.Rebuild("lsn:" + Lsn{instant}.ToString());
      ASSERT_TRUE(state) << state.error().ToString();
      const TableState* rebuilt = state->FindTable({"public", table});
      std::map<std::string, std::string> expected;
      TableShape shape{rebuilt->relation(), {0}, std::nullopt};
      ASSERT_TRUE(rebuilt->ForEachRow(0, rebuilt->row_count(), [&](Tuple row) -> Result<void> {
        std::vector<Value> values(row.begin(), row.end());
        TableShape all{rebuilt->relation(), {}, std::nullopt};
        for (uint16_t i = 0; i < row.size(); ++i) all.key.push_back(i);
        expected[EncodeKey(shape, row)] = EncodeKey(all, row);
        return {};
      }));
      EXPECT_EQ(RowsOfLives(lives, instant), expected) << table << " at " << instant;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryPropertyTest, testing::Range(0U, 3U));

TEST(HistoryIndexTest, GoesOnAfterARunThatWasCutShort) {
  RowWorkload workload(1);
  ArchiveBuilder& archive = workload.archive();
  for (int i = 0; i < 4; ++i) workload.AddSegment(5);
  const Catalog catalog = archive.ReadCatalog();
  const std::string last = archive.url() + "/" + catalog.segments.back().name;
  std::filesystem::rename(last, last + ".away");
  const auto cut =
      BuildIndex(archive.store(), catalog, {.folder = IndexFolderOf(archive), .bytes_per_mark = 1});
  ASSERT_FALSE(cut);
  std::filesystem::rename(last + ".away", last);
  const auto index = OpenIndexOf(archive);
  ASSERT_TRUE(index) << index.error().ToString();
  EXPECT_EQ((*index)->end(), catalog.segments[catalog.segments.size() - 2].end);
  const auto counts = BuildIndexOf(archive);
  ASSERT_TRUE(counts) << counts.error().ToString();
  EXPECT_FALSE(counts->anew);
  EXPECT_EQ(counts->segments, 1U);
  ExpectSameAnswers(workload, archive);
}

TEST(HistoryIndexTest, OneOfAnotherArchiveIsMadeAnew) {
  RowWorkload first(2);
  RowWorkload second(3);
  first.AddSegment(10);
  second.AddSegment(10);
  ASSERT_TRUE(BuildIndexOf(first.archive()));
  std::filesystem::copy(IndexFolderOf(first.archive()), IndexFolderOf(second.archive()),
                        std::filesystem::copy_options::recursive);
  const auto index = OpenIndexOf(second.archive());
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::kConflict);
  const auto counts = BuildIndexOf(second.archive());
  ASSERT_TRUE(counts) << counts.error().ToString();
  EXPECT_TRUE(counts->anew);
  ExpectSameAnswers(second, second.archive());
}

TEST(HistoryIndexTest, ADamagedOneIsNotReadAndMadeAnew) {
  RowWorkload workload(5);
  workload.AddSegment(5);
  ASSERT_TRUE(BuildIndexOf(workload.archive()));
  for (const auto& entry :
       std::filesystem::directory_iterator(IndexFolderOf(workload.archive()) + "/rocksdb")) {
    if (entry.path().extension() == ".sst") std::filesystem::remove(entry.path());
  }
  EXPECT_FALSE(OpenIndexOf(workload.archive()));
  const auto counts = BuildIndexOf(workload.archive());
  ASSERT_TRUE(counts) << counts.error().ToString();
  EXPECT_TRUE(counts->anew);
  ExpectSameAnswers(workload, workload.archive());
}

TEST(HistoryIndexTest, AFolderWithSomethingElseIsLeftAlone) {
  RowWorkload workload(4);
  workload.AddSegment(2);
  std::filesystem::create_directories(IndexFolderOf(workload.archive()) + "/mine");
  const auto counts = BuildIndexOf(workload.archive());
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline::test
