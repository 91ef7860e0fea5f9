#include "replay/ddl.h"

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

}  // namespace

Result<DdlPlan> PlanDdl(const Definition& definition, std::span<const Relation* const> relations,
                        const TypeNamer& name_type, const DdlOptions& options) {
  DdlPlan plan;
  ASSIGN_OR_RETURN(const std::vector<PlannedTable> tables,
                   PlanTables(definition, relations, name_type, &plan.notes));
  plan.before_data = StatementsBeforeData(definition, tables, options);
  plan.after_data = StagesAfterData(definition, tables, &plan.notes);
  plan.tables.resize(relations.size());
  for (const PlannedTable& table : tables) {
    plan.created.push_back(table.name);
    if (table.loaded_index) plan.tables[*table.loaded_index] = Load(table);
  }
  return plan;
}

}  // namespace trunkline
