#include <algorithm>
#include <set>

#include "postgres/connection.h"
#include "replay/ddl_stages.h"
#include "replay/ddl_text.h"

namespace trunkline {
namespace {

using postgres::QuoteIdentifier;

class Foundation {
 public:
  Foundation(const Definition& definition, const std::vector<PlannedTable>& tables,
             const DdlOptions& options)
      : definition_(definition), tables_(tables), options_(options) {}

  std::vector<Statement> Make() {
    Schemas();
    for (const auto& [schema, name] : definition_.extensions) {
      Add({.sql = "CREATE EXTENSION IF NOT EXISTS " + QuoteIdentifier(name) + " WITH SCHEMA " +
                  QuoteIdentifier(schema),
           .lacking = "extension " + name});
    }
    for (const PlannedTable& table : tables_) Sequences(table);
    for (const TypeDefinition& type : definition_.types) TypeOrTable(type);
    for (const PlannedTable& table : tables_) {
      if (!made_.contains(table.name)) Table(table);
    }
    for (const PlannedTable& table : tables_) Attach(table);
    for (const PlannedTable& table : tables_) Defaults(table);
    return std::move(statements_);
  }

 private:
  void Add(Statement statement) { statements_.push_back(std::move(statement)); }

  void Schemas() {
    std::set<std::string> schemas(definition_.schemas.begin(), definition_.schemas.end());
    for (const PlannedTable& table : tables_) schemas.insert(table.name.first);
    for (const std::string& schema : schemas) {
      if (schema != "pg_catalog") Add({.sql = CreateMissingSchema(schema)});
    }
  }

  // A table whose row type a column has comes where the type must stand.
  void TypeOrTable(const TypeDefinition& type) {
    for (const PlannedTable& table : tables_) {
      if (table.name == type.name) return Table(table);
    }
    Type(type);
  }

  // A type that a table needs and that cannot be made fails with that table.
  void Type(const TypeDefinition& type) {
    Add({.sql = CreateType(type), .lacking = "type " + Display(type.name), .may_exist = true});
    for (const NamedDefinition& constraint : type.constraints) {
      if (IsNotValid(constraint.definition)) continue;
      Add({.sql = "ALTER DOMAIN " + Qualified(type.name) + " ADD CONSTRAINT " +
                  QuoteIdentifier(constraint.name) + " " + constraint.definition,
           .lacking = "constraint " + constraint.name + " of domain " + Display(type.name),
           .may_exist = true});
    }
  }

  // Those that defaults use; an identity column brings its own.
  static std::vector<const SequenceDefinition*> DefaultSequences(const PlannedTable& table) {
    std::vector<const SequenceDefinition*> sequences;
    if (table.definition == nullptr) return sequences;
    for (const SequenceDefinition& sequence : table.definition->sequences) {
      const ColumnDefinition* column = table.definition->FindColumn(sequence.column);
      const bool identity = column != nullptr && !column->identity.empty();
      if (!identity && table.HasColumns({sequence.column})) sequences.push_back(&sequence);
    }
    return sequences;
  }

  void Sequences(const PlannedTable& table) {
    for (const SequenceDefinition* sequence : DefaultSequences(table)) {
      Add({.sql = CreateSequence(*sequence),
           .lacking = "sequence " + Display(sequence->name),
           .may_exist = true});
    }
  }

  void Table(const PlannedTable& table) {
    made_.insert(table.name);
    std::vector<ColumnText> columns;
    for (const PlannedColumn& column : table.columns) columns.push_back(column.text);
    const bool unlogged =
        options_.unlogged || (table.definition != nullptr && table.definition->persistence == 'u');
    const std::string key =
        table.partitioned ? table.definition->partition_key.value_or("") : std::string();
    const auto variant = [&](Detail detail) {
      return Statement{.sql = CreateTable(table.name, columns, unlogged, key, detail)};
    };
    Statement create = variant(Detail::kAll);
    Statement stored = variant(Detail::kStored);
    Statement bare = variant(Detail::kBare);
    if (bare.sql != stored.sql) {
      stored.lacking = "generated columns and collations of " + Display(table.name);
      stored.instead.push_back(std::move(bare));
    }
    if (stored.sql != create.sql) {
      create.lacking = "virtual columns of " + Display(table.name) + ", which are stored";
      create.instead.push_back(std::move(stored));
      Add(std::move(create));
    } else {
      Add(std::move(stored));
    }
    for (const SequenceDefinition* sequence : DefaultSequences(table)) {
      Add({.sql = "ALTER SEQUENCE " + Qualified(sequence->name) + " OWNED BY " + Quoted(table) +
                  "." + QuoteIdentifier(sequence->column),
           .lacking = "owner of sequence " + Display(sequence->name)});
    }
  }

  void Attach(const PlannedTable& table) {
    if (table.parent == nullptr) return;
    for (const PlannedTable& above : tables_) {
      if (above.definition != table.parent) continue;
      Add({.sql = "ALTER TABLE ONLY " + Quoted(above) + " ATTACH PARTITION " + Quoted(table) + " " +
                  table.definition->parent->bound});
    }
  }

  void Defaults(const PlannedTable& table) {
    for (const PlannedColumn& column : table.columns) {
      const ColumnDefinition* defined = column.definition;
      if (defined == nullptr || !defined->default_value || !defined->generated.empty()) continue;
      Add({.sql = "ALTER TABLE ONLY " + Quoted(table) + " ALTER COLUMN " +
                  QuoteIdentifier(defined->name) + " SET DEFAULT " + *defined->default_value,
           .lacking = PartOf("default of column", defined->name, table)});
    }
  }

  const Definition& definition_;
  const std::vector<PlannedTable>& tables_;
  const DdlOptions& options_;
  std::set<QualifiedName> made_;
  std::vector<Statement> statements_;
};

}  // namespace

std::vector<Statement> StatementsBeforeData(const Definition& definition,
                                            const std::vector<PlannedTable>& tables,
                                            const DdlOptions& options) {
  return Foundation(definition, tables, options).Make();
}

}  // namespace trunkline
