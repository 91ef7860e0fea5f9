// The sql format of `trunkline diff`: commands that lead from the one state to the other, each on a
// line of its own.
#include <algorithm>
#include <string>
#include <vector>

#include "archive/stream_definition.h"
#include "replay/diff_format.h"
#include "replay/sql_commands.h"

namespace trunkline {
namespace {

// Whether rows could be in each other's way otherwise than by their key, so that no order of
// updates is sure to work.
bool HasOtherUniqueness(const TableDefinition* definition) {
  if (definition == nullptr) return true;
  const auto unique = [](const ConstraintDefinition& constraint) {
    return constraint.type == 'u' || constraint.type == 'x';
  };
  const auto unique_index = [](const IndexDefinition& index) {
    return index.definition.starts_with("CREATE UNIQUE INDEX");
  };
  return std::any_of(definition->constraints.begin(), definition->constraints.end(), unique) ||
         std::any_of(definition->indexes.begin(), definition->indexes.end(), unique_index);
}

class SqlDiffFormat final : public DiffFormat {
 public:
  Result<void> Begin(const WriteText& write) override {
    TRY(write(kSqlSettings));
    return write("begin;\n");
  }
  Result<void> End(const WriteText& write) override { return write("commit;\n"); }

  Result<void> Add(const TableDiff& table, const WriteText& write) override {
    TRY(write(Remarks(table)));
    if (table.after().table == nullptr) return {};
    if (table.mapping() && !table.mapping()->doubt.empty()) {
      return Fail(ErrorKind::kUnsupported,
                  "the rows of table " + NameOf(table.relation()) +
                      " cannot be compared for commands: its " + table.mapping()->doubt,
                  "leave it out with --tables, or look at the other formats");
    }
    commands_.ForgetRelations();
    if (learned_ != table.after().definition) {
      learned_ = table.after().definition;
      commands_.Learn(*learned_);
    }
    const bool anew = HasOtherUniqueness(table.after().definition_of_table());
    TRY(AddPass(table, RowChange::kRemoved, anew, write));
    if (!anew) TRY(AddPass(table, RowChange::kChanged, anew, write));
    return AddPass(table, RowChange::kAdded, anew, write);
  }

 private:
  // What is to be done before the commands, which cannot say it.
  static std::string Remarks(const TableDiff& table) {
    const std::string name = OnOneLine(NameOf(table.relation()));
    std::string remarks;
    const auto add = [&](const std::string& what) {
      remarks += "-- table " + name + ": " + OnOneLine(what) + "\n";
    };
    if (table.before().table == nullptr) add("create it first");
    if (table.after().table == nullptr) add("is dropped, with its rows");
    if (!table.RenamedFrom().empty()) add("rename it first, from " + table.RenamedFrom());
    const ColumnChanges columns = ColumnChangesOf(table);
    for (const std::string& column : columns.added) add("add the column " + column + " first");
    for (const std::string& column : columns.dropped) add("drop the column " + column + " first");
    for (const auto& [old_name, column] : columns.renamed) {
      add("rename the column " + old_name + " to " + column + " first");
    }
    return remarks;
  }

  // One kind of command, for rows must not be in each other's way. `anew`: rows that changed are
  // removed and added.
  Result<void> AddPass(const TableDiff& table, RowChange pass, bool anew, const WriteText& write) {
    return table.ForEachRow([&](RowChange change, Tuple before, Tuple after) -> Result<void> {
      if (change != pass && !(anew && change == RowChange::kChanged)) return {};
      command_.clear();
      TRY(AppendCommand(table, pass, before, after));
      return write(command_);
    });
  }

  Result<void> AppendCommand(const TableDiff& table, RowChange pass, Tuple before, Tuple after) {
    const FindRow how = table.keyed() ? FindRow::kByKey : FindRow::kByAllOfIt;
    switch (pass) {
      case RowChange::kRemoved:
        return commands_.AppendDelete(table.relation(), how, before, &command_);
      case RowChange::kAdded:
        return commands_.AppendInsert(table.relation(), after, &command_);
      case RowChange::kChanged:
        break;
    }
    values_.assign(after.begin(), after.end());
    for (size_t i = 0; i < values_.size(); ++i) {
      if (before[i] == after[i]) values_[i] = {.state = ValueState::kUnchangedToast, .bytes = {}};
    }
    return commands_.AppendUpdate(table.relation(), how, before, values_, &command_);
  }

  SqlCommands commands_;
  const Definition* learned_ = nullptr;
  std::string command_;
  std::vector<Value> values_;  // scratch
};

}  // namespace

std::unique_ptr<DiffFormat> NewSqlDiffFormat() { return std::make_unique<SqlDiffFormat>(); }

}  // namespace trunkline
