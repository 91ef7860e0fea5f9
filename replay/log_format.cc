#include "replay/log_format.h"

namespace trunkline {

Result<std::unique_ptr<LogFormat>> NewLogFormat(std::string_view name) {
  if (name == "text") return NewTextLogFormat();
  if (name == "jsonl") return NewJsonLogFormat();
  if (name == "csv") return NewCsvLogFormat();
  if (name == "sql") return NewSqlLogFormat();
  return Fail(ErrorKind::kInvalidArgument, "the format \"" + std::string(name) + "\" is not known",
              "--format is text, jsonl, csv, sql or undo");
}

}  // namespace trunkline
