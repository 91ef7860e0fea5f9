#include "tests/unit/archive/random_transactions.h"

#include <algorithm>
#include <random>

namespace trunkline::test {
namespace {

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  uint64_t Any() { return random_(); }
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(static_cast<uint32_t>(from.size()))];
  }

 private:
  std::mt19937_64 random_;
};

std::string RandomText(Dice* dice, uint32_t shape, int64_t commit_time) {
  switch (shape) {
    case 0:
      return std::to_string(dice->Below(50));
    case 1:
      return std::to_string(static_cast<int64_t>(dice->Any()));
    case 2:
      return std::to_string(dice->Below(1000)) + "." + std::to_string(10 + dice->Below(90));
    case 3:
      return Timestamp{commit_time - dice->Below(1000)}.ToString();
    case 4:
      return Timestamp{static_cast<int64_t>(dice->Any())}.ToString();
    case 5:
      return Timestamp{commit_time - int64_t{dice->Below(100)} * 86'400'000'000}.ToString().substr(
          0, 10);
    case 6: {
      std::string uuid = "00000000-0000-4000-8000-000000000000";
      for (char& c : uuid) c = c == '0' ? "0123456789abcdef"[dice->Below(16)] : c;
      return uuid;
    }
    case 7:
      return dice->Pick(std::vector<std::string>{"elephant", "rhino", "hippo"});
    default: {
      std::string bytes(dice->Below(dice->OneIn(20) ? 3000 : 12), '\0');
      for (char& c : bytes) c = static_cast<char>(dice->Any());
      return bytes;
    }
  }
}

Relation RandomRelation(Dice* dice, uint32_t oid) {
  Relation relation{oid, "s", "t" + std::to_string(oid), ReplicaIdentity::kDefault, {}};
  relation.identity =
      dice->Pick(std::vector<ReplicaIdentity>{ReplicaIdentity::kDefault, ReplicaIdentity::kNothing,
                                              ReplicaIdentity::kFull, ReplicaIdentity::kIndex});
  const uint32_t columns = dice->Below(6);
  for (uint32_t i = 0; i < columns; ++i) {
    relation.columns.push_back({"c" + std::to_string(i), dice->Below(3000),
                                static_cast<int32_t>(dice->Below(9)) - 1, dice->OneIn(2), "", ""});
  }
  return relation;
}

// A table whose rows the generator remembers, so that updates refer to them.
struct Table {
  Relation relation;
  std::vector<uint32_t> shapes;
  std::vector<std::vector<OwnedValue>> rows;
};

class Generator {
 public:
  explicit Generator(uint32_t seed) : dice_(seed) {
    const uint32_t tables = 1 + dice_.Below(4);
    for (uint32_t i = 0; i < tables; ++i) tables_.push_back(NewTable(100 + i));
  }

  std::vector<OwnedTransaction> Run() {
    std::vector<OwnedTransaction> transactions;
    const uint32_t count = dice_.Below(60);
    for (uint32_t i = 0; i < count; ++i) transactions.push_back(NextTransaction());
    return transactions;
  }

 private:
  Table NewTable(uint32_t oid) {
    Table table{RandomRelation(&dice_, oid), {}, {}};
    for (size_t i = 0; i < table.relation.columns.size(); ++i) {
      table.shapes.push_back(dice_.Below(9));
    }
    return table;
  }

  OwnedTransaction NextTransaction() {
    OwnedTransaction transaction;
    TransactionInfo& info = transaction.info;
    lsn_ += 1 + dice_.Below(1000);
    time_ += static_cast<int64_t>(dice_.Below(1'000'000)) - 1000;
    info.xid.value = dice_.OneIn(10) ? static_cast<uint32_t>(dice_.Any()) : ++xid_;
    info.commit_lsn.value = lsn_;
    info.end_lsn.value = lsn_ += dice_.Below(100);
    info.commit_time.micros = time_;
    if (dice_.OneIn(10)) {
      info.origin = "origin";
      info.origin_lsn.value = dice_.Any();
    }
    if (dice_.OneIn(20)) info.gid = "gid " + std::to_string(dice_.Below(3));
    const uint32_t changes = dice_.OneIn(10) ? dice_.Below(200) : dice_.Below(4);
    for (uint32_t i = 0; i < changes; ++i) transaction.changes.push_back(NextChange());
    return transaction;
  }

  OwnedChange NextChange() {
    const uint32_t die = dice_.Below(100);
    if (die < 3) return Message();
    if (die < 5) return Truncate();
    Table& table = tables_[dice_.Below(static_cast<uint32_t>(tables_.size()))];
    if (die < 7) table = NewTable(table.relation.oid);  // altered
    if (die < 50 || table.rows.empty()) return Insert(&table);
    return die < 85 ? Update(&table) : Delete(&table);
  }

  OwnedValue NextValue(uint32_t shape) {
    if (dice_.OneIn(8)) return Null();
    if (dice_.OneIn(20)) return Toast();
    const uint32_t own = dice_.OneIn(30) ? dice_.Below(9) : shape;
    std::string text = RandomText(&dice_, own, time_);
    return dice_.OneIn(20) ? Binary(std::move(text)) : Text(std::move(text));
  }

  std::vector<OwnedValue> NextRow(const Table& table) {
    std::vector<OwnedValue> row;
    for (const uint32_t shape : table.shapes) row.push_back(NextValue(shape));
    return row;
  }

  OwnedChange Rows(Operation operation, const Table& table) {
    OwnedChange change;
    change.operation = operation;
    change.relations = {table.relation};
    return change;
  }

  OwnedChange Insert(Table* table) {
    OwnedChange change = Rows(Operation::kInsert, *table);
    change.new_tuple =
        !table->rows.empty() && dice_.OneIn(10) ? dice_.Pick(table->rows) : NextRow(*table);
    table->rows.push_back(change.new_tuple);
    return change;
  }

  void SetOld(const Table& table, const std::vector<OwnedValue>& row, OldTupleKind kind,
              OwnedChange* change) {
    change->old_kind = kind;
    if (kind == OldTupleKind::kNone) return;
    change->old_tuple = row;
    if (kind == OldTupleKind::kFull) return;
    for (size_t i = 0; i < row.size(); ++i) {
      if (!table.relation.columns[i].key) change->old_tuple[i] = Null();
    }
  }

  OwnedChange Update(Table* table) {
    OwnedChange change = Rows(Operation::kUpdate, *table);
    std::vector<OwnedValue>& row =
        table->rows[dice_.Below(static_cast<uint32_t>(table->rows.size()))];
    SetOld(*table, row,
           dice_.Pick(std::vector<OldTupleKind>{OldTupleKind::kNone, OldTupleKind::kKey,
                                                OldTupleKind::kFull}),
           &change);
    for (size_t i = 0; i < row.size(); ++i) {
      if (dice_.OneIn(3)) row[i] = NextValue(table->shapes[i]);
    }
    change.new_tuple = row;
    return change;
  }

  OwnedChange Delete(Table* table) {
    OwnedChange change = Rows(Operation::kDelete, *table);
    SetOld(*table, dice_.Pick(table->rows),
           dice_.OneIn(2) ? OldTupleKind::kKey : OldTupleKind::kFull, &change);
    return change;
  }

  OwnedChange Truncate() {
    OwnedChange change;
    change.operation = Operation::kTruncate;
    for (const Table& table : tables_) {
      if (dice_.OneIn(2)) change.relations.push_back(table.relation);
    }
    change.truncate_flags = static_cast<uint8_t>(dice_.Below(4));
    return change;
  }

  OwnedChange Message() {
    OwnedChange change;
    change.operation = dice_.Pick(
        std::vector<Operation>{Operation::kMessage, Operation::kDefinition, Operation::kRaw});
    change.prefix = RandomText(&dice_, 7, 0);
    change.content = RandomText(&dice_, 8, 0);
    change.message_lsn.value = dice_.Any();
    change.transactional = dice_.OneIn(2);
    return change;
  }

  Dice dice_;
  std::vector<Table> tables_;
  uint64_t lsn_ = 0x1000000;
  uint32_t xid_ = 700;
  int64_t time_ = 533'000'000'000'000;
};

}  // namespace

std::vector<OwnedTransaction> RandomTransactions(uint32_t seed) { return Generator(seed).Run(); }

}  // namespace trunkline::test
