// numeric in its binary form.
#pragma once

#include <string>
#include <string_view>

namespace trunkline {

// A field of COPY's binary format: digits of base 10,000 around the point, and how many decimals
// are shown.
bool EncodeNumeric(std::string_view text, std::string* out);

}  // namespace trunkline
