// SqlCommands: SQL that changes single rows, each command on a line of its own, so that what reads
// them line by line needs no SQL parser. Of one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "archive/definition.h"
#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Under which values print as archives hold them, and are read back as the same. The functions and
// types that commands name are qualified, which these settings make necessary.
extern const std::string_view kSqlSettings;

// A literal without line breaks.
void AppendSqlLiteral(std::string_view text, std::string* out);
// For a comment, where a line break would end it.
std::string OnOneLine(std::string_view text);
// "begin; -- xid 7, commit LSN 0/16B3748, 2016-11-30 17:29:00+00" and "commit; -- xid 7".
void AppendSqlBegin(const TransactionInfo& transaction, std::string* out);
void AppendSqlCommit(const TransactionInfo& transaction, std::string* out);

// How a command finds its row.
enum class FindRow {
  kByKey,      // by the columns that the relation flags as key: all of them, none NULL
  kByAllOfIt,  // one of the rows that equal it, by the text of each column
};

// Append to `out`, or fail and append nothing of use: kUnsupported for values in binary format,
// kCorrupt where a row cannot be found by what is known of it.
class SqlCommands {
 public:
  // What tables are like from here on: generated columns, and which are partitioned.
  void Learn(const Definition& definition);
  // Relations so far are gone; others may come in their place.
  void ForgetRelations() { prepared_.clear(); }

  Result<void> AppendInsert(const Relation& relation, Tuple row, std::string* out);
  // Sets the values that are not kUnchangedToast; nothing is appended where none is left.
  Result<void> AppendUpdate(const Relation& relation, FindRow how, Tuple row, Tuple values,
                            std::string* out);
  Result<void> AppendDelete(const Relation& relation, FindRow how, Tuple row, std::string* out);
  void AppendTruncate(const Change& change, std::string* out);

 private:
  // What a definition says of a table.
  struct KnownTable {
    bool plain = false;  // has rows of its own: not a partitioned one
    std::unordered_set<std::string> generated;
  };
  struct PreparedRelation {
    std::string name;                  // quoted
    std::string only;                  // "only " where other tables' rows might be meant as well
    std::vector<std::string> columns;  // quoted
    std::vector<bool> computed;        // generated columns, which take no value
  };

  const PreparedRelation& Prepare(const Relation& relation);
  Result<void> AppendWhere(const Relation& relation, FindRow how, Tuple row, std::string* out);
  Result<void> AppendWhereKey(const Relation& relation, Tuple row, std::string* out);
  Result<void> AppendWhereOneEquals(const Relation& relation, Tuple row, std::string* out);

  std::unordered_map<uint32_t, KnownTable> known_;  // by relation OID
  std::unordered_map<const Relation*, PreparedRelation> prepared_;
};

}  // namespace trunkline
