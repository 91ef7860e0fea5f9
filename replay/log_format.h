// LogFormat: how `trunkline log` writes transactions. docs/log_formats.md shows each one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "archive/definition.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

// Methods append to `out`. The change of a message outside of transactions stands alone, without
// Begin and Commit.
class LogFormat {
 public:
  virtual ~LogFormat() = default;
  virtual void Header(std::string*) {}
  virtual void Begin(const TransactionInfo&, std::string*) {}
  // An error, which names table and column, where the format has no way to say it.
  virtual Result<void> Add(const TransactionInfo& transaction, const Change& change,
                           std::string* out) = 0;
  virtual void Commit(const TransactionInfo&, std::string*) {}
  // Relations of changes so far are gone; others may come in their place.
  virtual void ForgetRelations() {}
  // What the types are called from here on.
  virtual void Learn(const Definition&) {}
};

// "text", "jsonl", "csv" or "sql"; kInvalidArgument for anything else. What takes changes back goes
// the other way: log_undo.h.
Result<std::unique_ptr<LogFormat>> NewLogFormat(std::string_view name);

// What test_decoding prints.
std::unique_ptr<LogFormat> NewTextLogFormat();
// One JSON object a change.
std::unique_ptr<LogFormat> NewJsonLogFormat();
// One line a change behind a header line; tuples are JSON objects.
std::unique_ptr<LogFormat> NewCsvLogFormat();
// Commands that do the changes again, one a line.
std::unique_ptr<LogFormat> NewSqlLogFormat();

}  // namespace trunkline
