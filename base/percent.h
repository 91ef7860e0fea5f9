// Percent-encoding of names (schemas, tables) into object names that every store accepts.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

// Keeps ASCII letters, digits, '_' and '-'; every other byte becomes %XX. A dot is encoded too, so
// that "<schema>.<table>.<part>" splits unambiguously.
std::string PercentEncode(std::string_view name);
Result<std::string> PercentDecode(std::string_view text);

}  // namespace trunkline
