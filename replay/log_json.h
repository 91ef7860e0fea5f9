// JSON as `trunkline log` writes it.
#pragma once

#include <string>
#include <string_view>

#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Two lower-case digits a byte.
void AppendHex(std::string_view bytes, std::string* out);

// A JSON string. Bytes that are not UTF-8 come as the object {"hex": "..."} instead, so that
// nothing is lost.
void AppendJson(std::string_view text, std::string* out);

// {"column": value, ...}: text values as strings, NULL as null, binary ones as {"binary": "hex"}.
// Unchanged TOAST values are left out; so are NULLs if `skip_nulls`.
void AppendJsonTuple(const Relation& relation, Tuple tuple, bool skip_nulls, std::string* out);

// "insert", "update", "delete", "truncate", "message", "definition" or "unknown".
std::string_view OperationName(Operation operation);

// What stands beside the tuples: for a truncate its tables and flags, for a message its prefix and
// content, for an update its unchanged columns. Members with a comma in front of each.
void AppendJsonDetails(const Change& change, std::string* out);

}  // namespace trunkline
