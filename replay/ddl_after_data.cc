#include <algorithm>
#include <iterator>
#include <utility>

#include "postgres/connection.h"
#include "replay/ddl_stages.h"
#include "replay/ddl_text.h"

namespace trunkline {
namespace {

using postgres::QuoteIdentifier;

std::string_view KindOf(const ConstraintDefinition& constraint) {
  switch (constraint.type) {
    case 'p':
      return "primary key";
    case 'u':
      return "unique constraint";
    case 'x':
      return "exclusion constraint";
    case 'f':
      return "foreign key";
    case 'n':
      return "not-null constraint";
    default:
      return "check constraint";
  }
}

// Keys must be there; a check or exclusion may need a function or extension that this server lacks,
// and a source may hold rows that break a foreign key.
Statement AddConstraint(const PlannedTable& table, const ConstraintDefinition& constraint,
                        const std::string& definition) {
  std::string name =
      constraint.name.empty() ? "" : "CONSTRAINT " + QuoteIdentifier(constraint.name) + " ";
  Statement statement{.sql = "ALTER TABLE " + Quoted(table) + " ADD " + name + definition,
                      .table = table.loaded_index};
  if (constraint.type != 'p' && constraint.type != 'u') {
    statement.lacking = PartOf(std::string(KindOf(constraint)), constraint.name, table);
  }
  return statement;
}

class Finish {
 public:
  Finish(const Definition& definition, const std::vector<PlannedTable>& tables,
         std::vector<std::string>* notes)
      : definition_(definition), tables_(tables), notes_(notes) {}

  std::vector<Stage> Make() {
    CollectBorrowers();
    for (const PlannedTable& table : tables_) {
      CollectConstraints(table);
      CollectIndexes(table);
      CollectForeignKeys(table);
      CollectSettings(table);
    }
    for (const TypeDefinition& type : definition_.types) CollectLateDomainConstraints(type);
    // Bottom up: a partitioned table's index takes in those of its partitions.
    std::stable_sort(partitioned_.begin(), partitioned_.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    Stage partitioned;
    for (auto& [depth, statement] : partitioned_) {
      partitioned.statements.push_back(std::move(statement));
    }
    return {{std::move(indexes_), true},
            {std::move(constraints_), true},
            std::move(partitioned),
            {std::move(foreign_keys_), false},
            {std::move(validations_), true, true},
            {std::move(partitioned_foreign_keys_), false},
            {std::move(settings_), false}};
  }

 private:
  // The table's own constraints; for a partition that stands alone those it had from above too,
  // which need names of their own.
  std::vector<ConstraintDefinition> ConstraintsOf(const PlannedTable& table) const {
    std::vector<ConstraintDefinition> constraints;
    const TableDefinition* defined = table.definition;
    if (defined == nullptr) return constraints;
    constraints = defined->constraints;
    if (table.parent != nullptr) return constraints;
    while (defined->parent) {
      defined = definition_.FindTable(defined->parent->name);
      if (defined == nullptr) break;
      for (ConstraintDefinition constraint : defined->constraints) {
        constraint.name.clear();
        constraints.push_back(std::move(constraint));
      }
    }
    return constraints;
  }

  void CollectConstraints(const PlannedTable& table) {
    if (table.definition == nullptr) return KeyOfRelation(table);
    std::vector<Statement> single;
    std::string combined;
    for (const ConstraintDefinition& constraint : ConstraintsOf(table)) {
      if (constraint.type == 'f') continue;
      if (!table.HasColumns(constraint.columns)) {
        notes_->push_back(Lacks(table, constraint, "it has a column that is left out"));
        continue;
      }
      if (table.partitioned) {
        partitioned_.emplace_back(table.depth,
                                  AddConstraint(table, constraint, constraint.definition));
        continue;
      }
      std::string definition = constraint.definition;
      if (const auto columns = IndexedApart(constraint)) {
        MakeKeyIndex(table, constraint, *columns);
        definition = (constraint.type == 'p' ? "PRIMARY KEY USING INDEX " : "UNIQUE USING INDEX ") +
                     QuoteIdentifier(constraint.name);
      }
      single.push_back(AddConstraint(table, constraint, definition));
    }
    Combine(table, std::move(single));
  }

  // A key whose index is made by itself: CREATE INDEX lets others on the same table run.
  static std::optional<std::string> IndexedApart(const ConstraintDefinition& constraint) {
    if (constraint.type != 'p' && constraint.type != 'u') return std::nullopt;
    if (constraint.name.empty()) return std::nullopt;
    return PlainKeyColumns(constraint);
  }

  void MakeKeyIndex(const PlannedTable& table, const ConstraintDefinition& constraint,
                    const std::string& columns) {
    indexes_.push_back({.sql = "CREATE UNIQUE INDEX " + QuoteIdentifier(constraint.name) + " ON " +
                               Quoted(table) + " " + columns,
                        .table = table.loaded_index,
                        .indexes_primary_key = constraint.type == 'p'});
  }

  // One ALTER TABLE reads the rows once for all checks.
  void Combine(const PlannedTable& table, std::vector<Statement> single) {
    if (single.size() < 2) {
      std::move(single.begin(), single.end(), std::back_inserter(constraints_));
      return;
    }
    const std::string head = "ALTER TABLE " + Quoted(table);
    Statement all{.sql = head, .table = table.loaded_index};
    for (const Statement& statement : single) {
      all.sql += (all.sql == head ? "" : ",") + statement.sql.substr(head.size());
    }
    all.instead = std::move(single);
    constraints_.push_back(std::move(all));
  }

  // Of a table without a definition the stream still tells the key.
  void KeyOfRelation(const PlannedTable& table) {
    std::vector<std::string> key;
    for (const RelationColumn& column : table.relation->columns) {
      if (column.key) key.push_back(column.name);
    }
    if (key.empty() || table.relation->identity != ReplicaIdentity::kDefault) return;
    constraints_.push_back(
        {.sql = "ALTER TABLE " + Quoted(table) + " ADD PRIMARY KEY (" + QuotedList(key) + ")",
         .table = table.loaded_index});
  }

  void CollectIndexes(const PlannedTable& table) {
    if (table.definition == nullptr) return;
    for (const IndexDefinition& index : table.definition->indexes) {
      Statement create{.sql = table.partitioned ? WithoutOnly(index) : index.definition,
                       .lacking = PartOf("index", index.name, table),
                       .table = table.loaded_index};
      if (table.partitioned) {
        partitioned_.emplace_back(table.depth, std::move(create));
      } else {
        indexes_.push_back(std::move(create));
      }
    }
  }

  bool IsMade(const std::optional<QualifiedName>& name) const {
    return name && std::any_of(tables_.begin(), tables_.end(),
                               [&](const PlannedTable& table) { return table.name == *name; });
  }

  static std::string Lacks(const PlannedTable& table, const ConstraintDefinition& constraint,
                           const std::string& reason) {
    return Display(table.name) + " has no " + std::string(KindOf(constraint)) + " " +
           constraint.name + ": " + reason;
  }

  // Made NOT VALID one after another, for each locks two tables; then the rows are checked in
  // parallel. Partitioned tables do not take NOT VALID.
  void CollectForeignKeys(const PlannedTable& table) {
    for (const ConstraintDefinition& constraint : ConstraintsOf(table)) {
      if (constraint.type != 'f') continue;
      if (!IsMade(constraint.references) || !table.HasColumns(constraint.columns)) {
        const bool made = IsMade(constraint.references);
        notes_->push_back(Lacks(table, constraint,
                                made || !constraint.references
                                    ? "it has a column that is left out"
                                    : Display(*constraint.references) + " is not rebuilt"));
        continue;
      }
      if (table.partitioned || constraint.name.empty() || IsNotValid(constraint.definition)) {
        auto& stage = table.partitioned ? partitioned_foreign_keys_ : foreign_keys_;
        stage.push_back(AddConstraint(table, constraint, constraint.definition));
        continue;
      }
      foreign_keys_.push_back(
          AddConstraint(table, constraint, constraint.definition + " NOT VALID"));
      validations_.push_back(
          {.sql = ValidateConstraint(table.name, constraint.name),
           .lacking = "validity of " + PartOf("foreign key", constraint.name, table),
           .table = table.loaded_index});
    }
  }

  void CollectLateDomainConstraints(const TypeDefinition& type) {
    for (const NamedDefinition& constraint : type.constraints) {
      if (!IsNotValid(constraint.definition)) continue;
      settings_.push_back(
          {.sql = "ALTER DOMAIN " + Qualified(type.name) + " ADD CONSTRAINT " +
                  QuoteIdentifier(constraint.name) + " " + constraint.definition,
           .lacking = "constraint " + constraint.name + " of domain " + Display(type.name),
           .may_exist = true});
    }
  }

  // The columns that a sequence numbers beside the one it comes with.
  void CollectBorrowers() {
    for (const PlannedTable& table : tables_) {
      for (const PlannedColumn& column : table.columns) {
        if (column.definition == nullptr || !column.definition->default_value) continue;
        const auto& own = table.definition->sequences;
        const bool owns = std::any_of(own.begin(), own.end(), [&](const auto& sequence) {
          return sequence.column == column.text.name;
        });
        const bool draws = column.definition->default_value->starts_with("nextval(");
        if (draws && !owns) borrowers_.emplace_back(&table, column.definition);
      }
    }
  }

  // A default reads nextval('public.name'::regclass).
  static bool UsesSequence(const std::string& default_value, const SequenceDefinition& sequence) {
    for (const std::string& name : {sequence.name.second, QuoteIdentifier(sequence.name.second)}) {
      if (default_value.find("." + name + "'::regclass") != std::string::npos) return true;
    }
    return false;
  }

  void Position(const SequenceDefinition& sequence, const PlannedTable& table,
                const std::string& column) {
    settings_.push_back({.sql = PositionSequence(sequence, table.name, column),
                         .lacking = "position of sequence " + Display(sequence.name)});
  }

  void CollectSettings(const PlannedTable& table) {
    if (table.definition == nullptr) return;
    for (const SequenceDefinition& sequence : table.definition->sequences) {
      if (table.HasColumns({sequence.column})) Position(sequence, table, sequence.column);
      for (const auto& [other, column] : borrowers_) {
        if (UsesSequence(*column->default_value, sequence))
          Position(sequence, *other, column->name);
      }
    }
    if (const std::string identity = ReplicaIdentityOf(table); !identity.empty()) {
      settings_.push_back(
          {.sql = "ALTER TABLE ONLY " + Quoted(table) + " REPLICA IDENTITY " + identity,
           .lacking = "replica identity of " + Display(table.name)});
    }
    for (const IndexDefinition& index : table.definition->indexes) {
      if (!index.clustered || table.partitioned) continue;
      settings_.push_back(
          {.sql = "ALTER TABLE " + Quoted(table) + " CLUSTER ON " + QuoteIdentifier(index.name),
           .lacking = PartOf("clustering by index", index.name, table)});
    }
  }

  static std::string ReplicaIdentityOf(const PlannedTable& table) {
    const char identity = table.relation != nullptr ? static_cast<char>(table.relation->identity)
                                                    : table.definition->replica_identity;
    if (identity == 'f') return "FULL";
    if (identity == 'n') return "NOTHING";
    if (identity != 'i') return {};
    for (const IndexDefinition& index : table.definition->indexes) {
      if (index.replica_identity) return "USING INDEX " + QuoteIdentifier(index.name);
    }
    // The index of a constraint: the one with these columns.
    std::vector<std::string> key = table.definition->key_columns;
    std::sort(key.begin(), key.end());
    for (const ConstraintDefinition& constraint : table.definition->constraints) {
      std::vector<std::string> columns = constraint.columns;
      std::sort(columns.begin(), columns.end());
      const bool unique = constraint.type == 'p' || constraint.type == 'u';
      if (unique && columns == key) return "USING INDEX " + QuoteIdentifier(constraint.name);
    }
    return {};
  }

  const Definition& definition_;
  const std::vector<PlannedTable>& tables_;
  std::vector<std::string>* notes_;
  std::vector<std::pair<const PlannedTable*, const ColumnDefinition*>> borrowers_;
  std::vector<Statement> indexes_;
  std::vector<Statement> constraints_;
  std::vector<std::pair<int, Statement>> partitioned_;  // by depth
  std::vector<Statement> foreign_keys_;
  std::vector<Statement> validations_;
  std::vector<Statement> partitioned_foreign_keys_;
  std::vector<Statement> settings_;
};

}  // namespace

std::vector<Stage> StagesAfterData(const Definition& definition,
                                   const std::vector<PlannedTable>& tables,
                                   std::vector<std::string>* notes) {
  return Finish(definition, tables, notes).Make();
}

std::string Quoted(const PlannedTable& table) { return Qualified(table.name); }

std::string PartOf(const std::string& kind, const std::string& name, const PlannedTable& table) {
  return kind + " " + name + " of " + Display(table.name);
}

}  // namespace trunkline
