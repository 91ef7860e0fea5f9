#include "replay/what_if.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "replay/ddl_text.h"
#include "replay/log_json.h"
#include "replay/skipped.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostConflictsListed = 10;

const char* WordFor(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kMissingRow:
      return "missing_row";
    case ConflictKind::kTakenKey:
      return "taken_key";
    case ConflictKind::kBuiltOn:
      return "built_on";
  }
  return "";
}

std::string DescribeConflict(ConflictKind kind, uint64_t count) {
  switch (kind) {
    case ConflictKind::kMissingRow:
      return FormatCount(count, "change") + " of rows that are not there then: passed over";
    case ConflictKind::kTakenKey:
      return FormatCount(count, "row") +
             " with a key that another one has then: the later one stays";
    case ConflictKind::kBuiltOn:
      return FormatCount(count, "update") +
             " of rows that it had changed: only what they change is applied, which may derive "
             "from "
             "what it wrote";
  }
  return "";
}

Json KeyOf(const Relation& relation, Tuple row) {
  Json key = Json::object();
  for (size_t i = 0; i < relation.columns.size() && i < row.size(); ++i) {
    if (!relation.columns[i].key && relation.identity != ReplicaIdentity::kFull) continue;
    Json& value = key[relation.columns[i].name];
    if (row[i].state == ValueState::kText) value = std::string(row[i].bytes);
  }
  return key;
}

std::string ConflictLine(const Conflict& conflict) {
  const bool of_row = conflict.change != nullptr && HasRows(conflict.change->operation);
  Json json = {
      {"kind", WordFor(conflict.kind)},
      {"schema", conflict.relation->schema},
      {"table", conflict.relation->name},
      {"operation", OperationName(of_row ? conflict.change->operation : Operation::kDefinition)}};
  if (conflict.transaction != nullptr) {
    json["xid"] = conflict.transaction->xid.value;
    json["lsn"] = conflict.transaction->commit_lsn.ToString();
    json["time"] = conflict.transaction->commit_time.ToString();
  }
  json["key"] = KeyOf(*conflict.relation, conflict.row);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string WhereIs(const TransactionInfo& transaction) {
  return "xid " + std::to_string(transaction.xid.value) + " at LSN " +
         transaction.commit_lsn.ToString();
}

}  // namespace

void AddWhatIfOptions(CLI::App* command, WhatIfOptions* options) {
  command
      ->add_option("--skip", options->skip,
                   "Rebuild as if this transaction had not been: xid:N, or lsn: where its commit "
                   "record begins; can be given again")
      ->type_name("TRANSACTION")
      ->allow_extra_args(false);
  command
      ->add_option("--conflicts", options->conflicts,
                   "With --skip: a file for what conflicts then, with keys, as JSON lines")
      ->type_name("FILE");
}

Result<std::unique_ptr<WhatIf>> WhatIf::Make(const WhatIfOptions& options, const Store& store,
                                             const Catalog& catalog, const ResolvedTarget& target) {
  std::unique_ptr<WhatIf> what_if(new WhatIf());
  if (!options.conflicts.empty() && options.skip.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--conflicts is of use with --skip alone");
  }
  ASSIGN_OR_RETURN(what_if->skipped_, FindSkipped(store, catalog, target.limit, options.skip));
  for (const TransactionInfo& transaction : what_if->skipped_) {
    what_if->left_out_[transaction.commit_lsn];
  }
  if (!options.conflicts.empty()) {
    ASSIGN_OR_RETURN(OutputFile file, OutputFile::Open(options.conflicts));
    what_if->file_.emplace(std::move(file));
  }
  return what_if;
}

std::vector<Lsn> WhatIf::skip() const {
  std::vector<Lsn> lsns;
  for (const TransactionInfo& transaction : skipped_) lsns.push_back(transaction.commit_lsn);
  return lsns;
}

void WhatIf::Set(StateOptions* options) {
  options->skip = skip();
  options->skip_observer = this;
}

void WhatIf::OnSkipped(const TransactionInfo& transaction, const Change& change) {
  LeftOut& left_out = left_out_[transaction.commit_lsn];
  if (change.operation == Operation::kTruncate) {
    ++left_out.truncates;
  } else if (change.relation == nullptr) {
    ++left_out.messages;
  } else {
    ++left_out.rows;
    ++left_out.tables[{change.relation->schema, change.relation->name}];
  }
}

void WhatIf::OnConflict(const Conflict& conflict) {
  const QualifiedName table(conflict.relation->schema, conflict.relation->name);
  Met& met = met_[{conflict.kind, table}];
  ++met.count;
  if (conflict.transaction != nullptr) {
    std::string where = WhereIs(*conflict.transaction);
    const bool listed = !met.where.empty() && met.where.back() == where;
    if (!listed && met.where.size() <= kMostConflictsListed) met.where.push_back(std::move(where));
  }
  if (!file_ || failure_) return;
  const Result<void> written = file_->Write(ConflictLine(conflict));
  if (!written) failure_ = written.error();
}

std::string WhatIf::SkippedLine(const TransactionInfo& transaction) {
  const LeftOut& left_out = left_out_[transaction.commit_lsn];
  std::string line = "without " + WhereIs(transaction) + ", committed " +
                     transaction.commit_time.ToString() + ": " +
                     FormatCount(left_out.rows, "change") + " of " +
                     FormatCount(left_out.tables.size(), "table") + " left out";
  if (left_out.truncates > 0) line += ", and its TRUNCATE";
  if (left_out.messages > 0) line += "; what it defined stays";
  return line + "\n";
}

Result<std::string> WhatIf::Finish() {
  if (failure_) return Fail(*failure_);
  if (file_) TRY(file_->Finish());
  std::string text;
  if (skipped_.empty()) return text;
  for (const TransactionInfo& transaction : skipped_) text += SkippedLine(transaction);
  uint64_t conflicts = 0;
  for (const auto& [what, met] : met_) {
    if (what.first != ConflictKind::kBuiltOn) conflicts += met.count;
  }
  text += FormatCount(conflicts, "conflict") + (met_.empty() ? "\n" : ":\n");
  for (const auto& [what, met] : met_) {
    text += "  " + Printable(Display(what.second)) + ": " +
            DescribeConflict(what.first, met.count) + "\n";
    for (size_t i = 0; i < met.where.size(); ++i) {
      text +=
          "    " +
          (i < kMostConflictsListed ? met.where[i] : "and more: --conflicts FILE has them all") +
          "\n";
    }
  }
  return text;
}

}  // namespace trunkline
