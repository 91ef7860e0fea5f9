// The two halves of a rebuild's plan: what is made ahead of the rows, and what after them.
#pragma once

#include <string>
#include <vector>

#include "replay/ddl.h"
#include "replay/ddl_tables.h"

namespace trunkline {

// Schemas, extensions, types, sequences, tables, partitions attached, defaults.
std::vector<Statement> StatementsBeforeData(const Definition& definition,
                                            const std::vector<PlannedTable>& tables,
                                            const DdlOptions& options);

// Keys, indexes and checks; those of partitioned tables; foreign keys; sequences' positions and
// what else an ALTER TABLE sets. Adds to `notes` what cannot be made of the tables planned.
std::vector<Stage> StagesAfterData(const Definition& definition,
                                   const std::vector<PlannedTable>& tables,
                                   std::vector<std::string>* notes);

// The table's name in SQL.
std::string Quoted(const PlannedTable& table);
// "index i of public.t", for messages.
std::string PartOf(const std::string& kind, const std::string& name, const PlannedTable& table);

}  // namespace trunkline
