// The sql format of `trunkline log`: commands that do the changes again. Each stands on a line of
// its own, so that what reads them line by line, say to begin at some LSN, needs no SQL parser.
#include <string>
#include <utility>
#include <vector>

#include "replay/log_format.h"
#include "replay/sql_commands.h"

namespace trunkline {
namespace {

class SqlLogFormat final : public LogFormat {
 public:
  void Header(std::string* out) override { out->append(kSqlSettings); }
  void Begin(const TransactionInfo& transaction, std::string* out) override {
    AppendSqlBegin(transaction, out);
  }
  void Commit(const TransactionInfo& transaction, std::string* out) override {
    AppendSqlCommit(transaction, out);
  }
  void ForgetRelations() override { commands_.ForgetRelations(); }
  void Learn(const Definition& definition) override { commands_.Learn(definition); }

  Result<void> Add(const TransactionInfo&, const Change& change, std::string* out) override {
    switch (change.operation) {
      case Operation::kInsert:
        return commands_.AppendInsert(*change.relation, change.new_tuple, out);
      case Operation::kUpdate:
        return AddUpdate(change, out);
      case Operation::kDelete:
        return commands_.AppendDelete(*change.relation, HowToFind(change), change.old_tuple, out);
      case Operation::kTruncate:
        commands_.AppendTruncate(change, out);
        return {};
      case Operation::kMessage:
        out->append("-- message with the prefix ").append(OnOneLine(change.prefix)).append(": ");
        AppendSqlLiteral(change.content, out);
        out->push_back('\n');
        return {};
      case Operation::kDefinition:
        return {};
      case Operation::kRaw:
        return Fail(ErrorKind::kUnsupported,
                    "the archive holds a message of a type that this version does not know",
                    "a newer version of trunkline may print it");
    }
    return {};
  }

 private:
  static FindRow HowToFind(const Change& change) {
    return change.old_kind == OldTupleKind::kFull ? FindRow::kByAllOfIt : FindRow::kByKey;
  }

  // Sets what may differ. Where nothing can, the row is as it should be.
  Result<void> AddUpdate(const Change& change, std::string* out) {
    const bool key_unchanged = change.old_kind == OldTupleKind::kNone;
    const bool full = change.old_kind == OldTupleKind::kFull;
    values_.assign(change.new_tuple.begin(), change.new_tuple.end());
    for (size_t i = 0; i < values_.size(); ++i) {
      const bool same = (key_unchanged && change.relation->columns[i].key) ||
                        (full && values_[i] == change.old_tuple[i]);
      if (same) values_[i] = {.state = ValueState::kUnchangedToast, .bytes = {}};
    }
    const Tuple row = key_unchanged ? change.new_tuple : change.old_tuple;
    return commands_.AppendUpdate(*change.relation, HowToFind(change), row, values_, out);
  }

  SqlCommands commands_;
  std::vector<Value> values_;  // scratch
};

}  // namespace

std::unique_ptr<LogFormat> NewSqlLogFormat() { return std::make_unique<SqlLogFormat>(); }

}  // namespace trunkline
