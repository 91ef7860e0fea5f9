// UndoCollector: turns each change of a fold into the command that takes it back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "archive/definition.h"
#include "base/error.h"
#include "replay/fold.h"
#include "replay/log_filter.h"
#include "replay/reversed_records.h"
#include "replay/sql_commands.h"

namespace trunkline {

class UndoCollector final : public FoldObserver {
 public:
  // Neither is owned. `commands` receives the commands of each transaction in the order of the
  // changes, with its end in front and its begin behind.
  UndoCollector(const LogFilter& filter, ReversedRecords* commands)
      : filter_(filter), out_(commands) {}

  Result<void> OnDefinition(const Fold& fold, Lsn lsn) override;
  Result<void> OnRowChange(const TransactionInfo& transaction, const Change& change,
                           const FoldedTable& table) override;
  Result<void> OnTruncate(const TransactionInfo& transaction, const FoldedTable& table) override;
  Result<void> OnEnd(const Fold& fold, Lsn lsn) override;

  // A table that the filter names was there.
  bool knows_table() const { return knows_table_; }
  // What the commands do not take back.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // A table that has commands, as it is to stay: they name it and its columns.
  struct Touched {
    Relation relation;  // with the key by which commands find rows
    FindRow how = FindRow::kByKey;
    uint64_t descriptions = 0;
    uint64_t reshapes = 0;
  };

  Result<Touched*> Touch(const FoldedTable& table);
  Result<void> CheckIsAsItWas(const Fold& fold) const;
  void WarnOfChangedTables(const Definition& definition, Lsn lsn);
  Tuple RowAfter(const Change& change);
  Result<void> AppendInverse(const Touched& touched, const Change& change);
  Result<void> TakeBackUpdate(const Touched& touched, const Change& change);
  Result<void> Store(const TransactionInfo& transaction);
  Result<void> Close();

  const LogFilter& filter_;
  ReversedRecords* out_;
  SqlCommands sql_;
  Definition definition_;  // the newest
  bool begun_ = false;
  bool knows_table_ = false;
  std::unordered_map<uint32_t, Touched> touched_;  // by relation OID
  std::optional<TransactionInfo> open_;
  std::vector<std::string> warnings_;
  std::string command_;         // the one at hand
  std::vector<Value> before_;   // scratch
  std::vector<Value> after_;    // scratch
  std::vector<Value> restore_;  // scratch
};

}  // namespace trunkline
