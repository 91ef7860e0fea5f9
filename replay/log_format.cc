#include "replay/log_format.h"

namespace trunkline {

Result<std::unique_ptr<LogFormat>> NewLogFormat(std::string_view name) {
  if (name == "text") return NewTextLogFormat();
  if (name == "jsonl") return NewJsonLogFormat();
  if (name == "csv") return NewCsvLogFormat();
  const std::string hint = "--format is text, jsonl or csv";
  if (name == "sql" || name == "undo") {
    return Fail(ErrorKind::kUnsupported,
                "the format " + std::string(name) + " is not in this version", hint);
  }
  return Fail(ErrorKind::kInvalidArgument, "the format \"" + std::string(name) + "\" is not known",
              hint);
}

}  // namespace trunkline
