// The SQL text of single objects of a definition.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/definition.h"

namespace trunkline {

std::string Qualified(const QualifiedName& name);
// "public.orders", for messages.
std::string Display(const QualifiedName& name);
// Checks the rows that were there when the constraint was made; nothing where it is valid.
std::string ValidateConstraint(const QualifiedName& table, std::string_view constraint);
std::string QuotedList(const std::vector<std::string>& names);

// Without a domain's constraints.
std::string CreateType(const TypeDefinition& type);
// CREATE SCHEMA asks for a privilege even where the schema is there, so this looks first.
std::string CreateMissingSchema(const std::string& schema);
// A sequence that serves a default; those of identity columns come with their column.
std::string CreateSequence(const SequenceDefinition& sequence);
// Moves it on to where it has passed the values of a column that it numbers.
std::string PositionSequence(const SequenceDefinition& sequence, const QualifiedName& table,
                             const std::string& column);

// A column as it will be: what is null or empty is left out.
struct ColumnText {
  std::string name = {};
  std::string type = {};
  std::string collation = {};
  std::string generated = {};  // expression
  bool generated_virtual = false;
  bool not_null = false;
  std::string not_null_name = {};  // of the constraint
  std::string identity = {};       // "a" or "d"
  const SequenceDefinition* sequence = nullptr;
};

enum class Detail {
  kAll,
  kStored,  // generated columns that are computed when read (Postgres 18 on) are stored instead
  kBare,    // no generated columns, no collations: what a server may lack the means for
};

std::string CreateTable(const QualifiedName& name, const std::vector<ColumnText>& columns,
                        bool unlogged, const std::string& partition_key, Detail detail);

// "(a, b)" of a primary or unique key whose index CREATE UNIQUE INDEX makes the same; empty for
// any other.
std::optional<std::string> PlainKeyColumns(const ConstraintDefinition& constraint);
// The definition of a partitioned table's index without ONLY: it takes in the partitions' indexes.
std::string WithoutOnly(const IndexDefinition& index);
// NOT VALID, or NOT ENFORCED: rows may break it.
bool IsNotValid(const std::string& constraint_definition);

}  // namespace trunkline
