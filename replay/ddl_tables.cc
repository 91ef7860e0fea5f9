#include "replay/ddl_tables.h"

#include <algorithm>
#include <map>
#include <set>

#include "replay/type_text.h"

namespace trunkline {
namespace {

using Oids = std::set<uint32_t>;

std::vector<const TableDefinition*> PartitionsOf(const Definition& definition,
                                                 const TableDefinition& table) {
  std::vector<const TableDefinition*> partitions;
  for (const TableDefinition& candidate : definition.tables) {
    if (candidate.parent && candidate.parent->name == table.name) partitions.push_back(&candidate);
  }
  return partitions;
}

const TableDefinition* ParentOf(const Definition& definition, const TableDefinition& table) {
  return table.parent ? definition.FindTable(table.parent->name) : nullptr;
}

// The tables to make. A partitioned table without rows of its own is made only if all of its
// partitions are: else it would show a part of its rows as if they were all.
Oids TablesToMake(const Definition& definition, const Oids& with_rows) {
  Oids made = with_rows;
  for (const TableDefinition& table : definition.tables) {  // parents first
    const TableDefinition* parent = ParentOf(definition, table);
    if (parent == nullptr || !made.contains(parent->oid)) continue;
    made.insert(table.oid);  // a partition of one that is published as a whole
  }
  for (auto table = definition.tables.rbegin(); table != definition.tables.rend(); ++table) {
    const auto partitions = PartitionsOf(definition, *table);
    const bool whole = std::all_of(partitions.begin(), partitions.end(),
                                   [&](const auto* item) { return made.contains(item->oid); });
    if (table->kind == 'p' && !partitions.empty() && whole) made.insert(table->oid);
  }
  return made;
}

class ColumnPlanner {
 public:
  explicit ColumnPlanner(std::vector<std::string>* notes) : notes_(notes) {}

  Result<void> Plan(PlannedTable* table) {
    if (table->definition != nullptr) {
      for (const ColumnDefinition& column : table->definition->columns) {
        TRY(AddDefined(column, table));
      }
    }
    if (table->relation == nullptr) return {};
    for (size_t i = 0; i < table->relation->columns.size(); ++i) {
      const RelationColumn& column = table->relation->columns[i];
      if (table->definition != nullptr && table->definition->FindColumn(column.name)) continue;
      TRY(AddStreamed(column, i, table));
      if (table->definition == nullptr) continue;
      notes_->push_back("column " + column.name + " of " + Display(table->name) +
                        " has no default or constraint: its definition is not known");
    }
    return {};
  }

 private:
  static std::optional<size_t> IndexIn(const Relation* relation, const std::string& column) {
    if (relation == nullptr) return std::nullopt;
    for (size_t i = 0; i < relation->columns.size(); ++i) {
      if (relation->columns[i].name == column) return i;
    }
    return std::nullopt;
  }

  Result<void> AddDefined(const ColumnDefinition& column, PlannedTable* table) {
    const auto index = IndexIn(table->relation, column.name);
    if (table->relation != nullptr && !index && column.generated.empty()) {
      notes_->push_back("column " + column.name + " of " + Display(table->name) +
                        " is left out: the change stream does not have it");
      return {};
    }
    if (index) {
      const RelationColumn& streamed = table->relation->columns[*index];
      if (streamed.type_oid != column.type_oid || streamed.type_modifier != column.type_modifier) {
        return AddStreamed(streamed, *index, table);
      }
    }
    PlannedColumn planned{.text = TextOf(column, *table),
                          .definition = &column,
                          .relation_index = column.generated.empty() ? index : std::nullopt};
    table->columns.push_back(std::move(planned));
    return {};
  }

  static ColumnText TextOf(const ColumnDefinition& column, const PlannedTable& table) {
    ColumnText text{.name = column.name, .type = column.type};
    text.collation = column.collation.value_or("");
    text.not_null = column.not_null;
    text.not_null_name = column.not_null_name.value_or("");
    text.generated_virtual = column.generated == "v";
    if (!column.generated.empty()) text.generated = column.default_value.value_or("NULL");
    // A partition takes part in its parent's identity (Postgres 17 on).
    const ColumnDefinition* above =
        table.parent == nullptr ? nullptr : table.parent->FindColumn(column.name);
    if (above != nullptr && !above->identity.empty()) return text;
    text.identity = column.identity;
    for (const SequenceDefinition& sequence : table.definition->sequences) {
      if (sequence.column == column.name) text.sequence = &sequence;
    }
    return text;
  }

  Result<void> AddStreamed(const RelationColumn& column, size_t index, PlannedTable* table) {
    ASSIGN_OR_RETURN(std::string type, TypeOf(column, *table));
    table->columns.push_back({.text = {.name = column.name, .type = std::move(type)},
                              .definition = nullptr,
                              .relation_index = index});
    return {};
  }

  Result<std::string> TypeOf(const RelationColumn& column, const PlannedTable& table) const {
    constexpr uint32_t kFirstOwnOid = 10000;  // FirstGenbkiObjectId: below, OIDs never change
    if (column.type_oid < kFirstOwnOid) {
      std::string text = BuiltinTypeText(column.type_oid, column.type_modifier);
      if (!text.empty()) return text;
    }
    if (!column.type_name.empty()) {
      return Qualified(
          {column.type_schema.empty() ? "pg_catalog" : column.type_schema, column.type_name});
    }
    return Fail(ErrorKind::kUnsupported, "the type of column " + column.name + " of " +
                                             Display(table.name) + " is not in the archive");
  }

  std::vector<std::string>* notes_;
};

// A partitioned table without rows of its own has the columns that all of its partitions have.
void KeepCommonColumns(const std::vector<PlannedTable>& tables, PlannedTable* parent) {
  std::erase_if(parent->columns, [&](const PlannedColumn& column) {
    return std::any_of(tables.begin(), tables.end(), [&](const PlannedTable& table) {
      return table.parent == parent->definition && !table.HasColumns({column.text.name});
    });
  });
}

void NoteTable(const Definition& definition, const PlannedTable& table,
               std::vector<std::string>* notes) {
  const std::string name = Display(table.name);
  if (table.definition == nullptr) {
    notes->push_back(name + " has its columns and key alone: its definition is not in the archive");
    return;
  }
  if (table.relation != nullptr && table.definition->row_filter) {
    notes->push_back(name + " has the rows that the publication's filter lets through");
  }
  if (table.definition->kind == 'p' && !table.partitioned) {
    notes->push_back(name + " is an ordinary table: its partitions are not in the archive");
  }
  if (table.definition->parent && table.parent == nullptr) {
    const TableDefinition* parent = ParentOf(definition, *table.definition);
    notes->push_back(name + " is an ordinary table: not all partitions of " +
                     Display(parent == nullptr ? table.definition->parent->name : parent->name) +
                     " are rebuilt");
  }
}

}  // namespace

bool PlannedTable::HasColumns(const std::vector<std::string>& names) const {
  return std::all_of(names.begin(), names.end(), [&](const std::string& wanted) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const PlannedColumn& column) { return column.text.name == wanted; });
  });
}

Result<std::vector<PlannedTable>> PlanTables(const Definition& definition,
                                             std::span<const Relation* const> relations,
                                             std::vector<std::string>* notes) {
  std::map<uint32_t, size_t> by_oid;
  Oids with_rows;
  for (size_t i = 0; i < relations.size(); ++i) {
    by_oid[relations[i]->oid] = i;
    with_rows.insert(relations[i]->oid);
  }
  const Oids made = TablesToMake(definition, with_rows);

  std::vector<PlannedTable> tables;
  const auto add = [&](const TableDefinition* defined, std::optional<size_t> index) {
    PlannedTable table;
    table.definition = defined;
    table.loaded_index = index;
    if (index) table.relation = relations[*index];
    table.name =
        index ? QualifiedName(table.relation->schema, table.relation->name) : defined->name;
    tables.push_back(std::move(table));
  };
  for (const TableDefinition& defined : definition.tables) {
    if (!made.contains(defined.oid)) continue;
    const auto found = by_oid.find(defined.oid);
    add(&defined, found == by_oid.end() ? std::nullopt : std::optional(found->second));
    PlannedTable& table = tables.back();
    table.partitioned = defined.kind == 'p' && !PartitionsOf(definition, defined).empty();
    const TableDefinition* parent = ParentOf(definition, defined);
    if (parent == nullptr || !made.contains(parent->oid)) continue;
    table.parent = parent;
    for (const PlannedTable& above : tables) {
      if (above.definition == parent) table.depth = above.depth + 1;
    }
  }
  for (size_t i = 0; i < relations.size(); ++i) {
    if (definition.FindTable(relations[i]->oid) == nullptr) add(nullptr, i);
  }

  ColumnPlanner planner(notes);
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {  // partitions first
    TRY(planner.Plan(&*table));
    if (table->partitioned && table->relation == nullptr) KeepCommonColumns(tables, &*table);
    NoteTable(definition, *table, notes);
  }
  return tables;
}

}  // namespace trunkline
