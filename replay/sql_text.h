// A rebuild's plan as text that psql runs.
//
// What names and definitions hold, psql takes for nothing else: neither for its own commands
// (\...), nor for its variables (:name), nor for the end of a comment.
#pragma once

#include <string>
#include <string_view>

#include "replay/ddl.h"

namespace trunkline {

// A line "-- text".
void AppendComment(std::string_view text, std::string* out);

// `statement` with a semicolon. One that may fail stands in a block which then runs what comes in
// its place, and warns of what is lacking; the transaction goes on.
void AppendStatement(const Statement& statement, std::string* out);

}  // namespace trunkline
