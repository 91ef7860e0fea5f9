// The settings under which a session loads a state, beside those that every connection pins.
#pragma once

#include <string>

namespace trunkline {

// Commands, a line each. Values read back as what they were, and indexes are built in memory up to
// a size that any server has. `for_transaction`: until its end alone, and without a result to
// print.
inline std::string LoadSettings(bool for_transaction) {
  const std::string local = for_transaction ? "true" : "false";
  const std::string set = for_transaction ? "SET LOCAL " : "SET ";
  const std::string memory =
      "pg_catalog.set_config('maintenance_work_mem', greatest("
      "pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 268435456) / "
      "1024 || 'kB', " +
      local + ")";
  return set + "xmloption = 'content';\n" + set + "array_nulls = 'on';\n" +
         (for_transaction ? "DO $$BEGIN PERFORM " + memory + "; END$$;\n"
                          : "SELECT " + memory + ";\n");
}

}  // namespace trunkline
