// Definition: the document of docs/definition.md, parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace trunkline {

using QualifiedName = std::pair<std::string, std::string>;  // schema, name

struct NamedDefinition {
  std::string name;
  std::string definition;
  friend bool operator==(const NamedDefinition&, const NamedDefinition&) = default;
};

struct TypeDefinition {
  enum class Kind { kEnum, kDomain, kComposite, kRange };
  struct Attribute {
    std::string name;
    std::string type;
    std::optional<std::string> collation;
    friend bool operator==(const Attribute&, const Attribute&) = default;
  };
  uint32_t oid = 0;
  QualifiedName name;
  Kind kind = Kind::kEnum;
  std::vector<std::string> labels;           // enum
  std::string base;                          // domain: base type; range: subtype
  std::optional<std::string> collation;      // domain
  std::optional<std::string> default_value;  // domain
  bool not_null = false;                     // domain
  std::vector<NamedDefinition> constraints;  // domain
  std::vector<Attribute> attributes;         // composite
  std::optional<std::string> multirange;     // range
  friend bool operator==(const TypeDefinition&, const TypeDefinition&) = default;
};

struct ColumnDefinition {
  int attnum = 0;
  std::string name;
  uint32_t since = 0;  // the transaction that last defined the column; 0: not known
  std::string type;
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;
  std::optional<std::string> collation;
  bool not_null = false;
  std::optional<std::string> not_null_name;  // of the constraint, Postgres 18 on
  std::optional<std::string> default_value;
  std::string identity;   // "", "a" (always), "d" (by default)
  std::string generated;  // "", "s" (stored), "v" (virtual)
  std::optional<std::string> missing;
  std::optional<QualifiedName> stream_type;  // as a TYPE message names it; none of built-in types
  friend bool operator==(const ColumnDefinition&, const ColumnDefinition&) = default;
};

struct ConstraintDefinition {
  std::string name;
  char type = 'c';  // pg_constraint.contype: p, u, c, x, f, n (one that is NOT VALID)
  std::string definition;
  std::vector<std::string> columns;
  std::optional<QualifiedName> references;
  friend bool operator==(const ConstraintDefinition&, const ConstraintDefinition&) = default;
};

struct IndexDefinition {
  std::string name;
  std::string definition;
  bool replica_identity = false;
  bool clustered = false;
  friend bool operator==(const IndexDefinition&, const IndexDefinition&) = default;
};

struct SequenceDefinition {
  QualifiedName name;
  std::string column;
  std::string type;
  std::string start, increment, min, max, cache;  // decimal
  bool cycle = false;
  friend bool operator==(const SequenceDefinition&, const SequenceDefinition&) = default;
};

struct TableDefinition {
  struct Parent {
    QualifiedName name;
    std::string bound;
    friend bool operator==(const Parent&, const Parent&) = default;
  };
  uint32_t oid = 0;
  QualifiedName name;
  char kind = 'r';  // 'r' or 'p'
  bool published = true;
  char persistence = 'p';
  char replica_identity = 'd';
  std::vector<std::string> key_columns;  // those that a RELATION message flags as key
  std::optional<std::string> partition_key;
  std::optional<Parent> parent;
  std::vector<ColumnDefinition> columns;
  std::optional<std::string> row_filter;
  std::optional<std::vector<std::string>> published_columns;
  std::vector<ConstraintDefinition> constraints;
  std::vector<IndexDefinition> indexes;
  std::vector<SequenceDefinition> sequences;

  const ColumnDefinition* FindColumn(std::string_view column) const;
  // Whether rows in the stream have the column: generated ones are there only where listed.
  bool Sends(const ColumnDefinition& column) const;
  friend bool operator==(const TableDefinition&, const TableDefinition&) = default;
};

struct DatabaseDefinition {
  std::string name;
  std::string encoding;
  std::string collate;
  std::string ctype;
  std::string provider;  // of the default collation: "c" (libc), "i" (ICU), "b" (builtin), "" (14)
  std::optional<std::string> locale;  // with ICU and builtin
  std::optional<std::string> icu_rules;

  friend bool operator==(const DatabaseDefinition&, const DatabaseDefinition&) = default;
};

struct Definition {
  std::string publication;  // empty: not said
  std::string snapshot;     // pg_current_snapshot(), of one that came in the stream; else empty
  int server_version = 0;
  DatabaseDefinition database;
  // The publication is FOR ALL TABLES: a table new to it is a new table, without rows from before.
  bool all_tables = false;
  std::vector<std::string> schemas;
  std::vector<QualifiedName> extensions;  // schema, name
  std::vector<TypeDefinition> types;
  std::vector<TableDefinition> tables;

  const TableDefinition* FindTable(uint32_t oid) const;
  const TableDefinition* FindTable(const QualifiedName& name) const;
};

// kCorrupt, saying which member, when the document is not what docs/definition.md says; members
// that it does not name are passed over.
Result<Definition> ParseDefinition(std::string_view json);

// The document of which ParseDefinition makes the same again, as far as text is UTF-8.
std::string FormatDefinition(const Definition& definition);

}  // namespace trunkline
