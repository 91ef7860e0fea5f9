// The names of built-in types as SQL, told without a server.
#pragma once

#include <cstdint>
#include <string>

namespace trunkline {

// As pg_catalog.format_type(oid, modifier) prints it: "numeric(10,2)", "time(3) with time zone",
// "character varying(9)[]". Empty for a type that is not built in. -1 is no modifier.
std::string BuiltinTypeText(uint32_t oid, int32_t modifier);

}  // namespace trunkline
