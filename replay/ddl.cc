#include "replay/ddl.h"

#include <algorithm>

#include "postgres/connection.h"
#include "replay/ddl_stages.h"
#include "replay/ddl_tables.h"
#include "replay/ddl_text.h"

namespace trunkline {
namespace {

LoadedTable Load(const PlannedTable& table) {
  LoadedTable load{.name = table.name, .copy = {}, .columns = {}, .partitioned = table.partitioned};
  std::vector<std::string> names;
  for (const PlannedColumn& column : table.columns) {
    if (!column.relation_index) continue;
    names.push_back(column.text.name);
    load.columns.push_back(*column.relation_index);
  }
  // A table may have no columns; COPY then takes no list.
  load.copy = "COPY " + Qualified(table.name) +
              (names.empty() ? "" : " (" + QuotedList(names) + ")") + " FROM STDIN";
  return load;
}

// The instant that the stages see. A role other than a superuser needs a grant for it, which
// Postgres has from 15 on; the database is whole without it.
Stage SetInstant(const Timestamp& instant) {
  const std::string text = instant.ToString();
  std::string option = text;
  std::replace(option.begin(), option.end(), ' ', 'T');  // PGOPTIONS are split at spaces
  const std::string block =
      "BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I SET trunkline.as_of = %L', "
      "pg_catalog.current_database(), " +
      postgres::QuoteLiteral(text) + "); END";
  return {.statements = {
              {.sql = "DO " + postgres::QuoteLiteral(block),
               .lacking = "the setting trunkline.as_of (GRANT SET ON PARAMETER trunkline.as_of "
                          "lets the role set it; or connect with PGOPTIONS='-c "
                          "trunkline.as_of=" +
                          option + "')"}}};
}

}  // namespace

Result<DdlPlan> PlanDdl(const Definition& definition, std::span<const Relation* const> relations,
                        const DdlOptions& options) {
  DdlPlan plan;
  ASSIGN_OR_RETURN(const std::vector<PlannedTable> tables,
                   PlanTables(definition, relations, &plan.notes));
  plan.before_data = StatementsBeforeData(definition, tables, options);
  plan.after_data = StagesAfterData(definition, tables, &plan.notes);
  if (options.as_of) plan.after_data.push_back(SetInstant(*options.as_of));
  plan.tables.resize(relations.size());
  for (const PlannedTable& table : tables) {
    plan.created.push_back(table.name);
    if (table.loaded_index) plan.tables[*table.loaded_index] = Load(table);
  }
  return plan;
}

}  // namespace trunkline
