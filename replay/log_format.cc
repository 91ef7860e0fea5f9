#include "replay/log_format.h"

namespace trunkline {

Result<std::unique_ptr<LogFormat>> NewLogFormat(std::string_view name) {
  if (name == "text") return NewTextLogFormat();
  if (name == "jsonl") return NewJsonLogFormat();
  if (name == "csv") return NewCsvLogFormat();
  if (name == "sql") return NewSqlLogFormat();
  const std::string hint = "--format is text, jsonl, csv or sql";
  if (name == "undo") {
    return Fail(ErrorKind::kUnsupported, "the format undo is not in this version", hint);
  }
  return Fail(ErrorKind::kInvalidArgument, "the format \"" + std::string(name) + "\" is not known",
              hint);
}

}  // namespace trunkline
