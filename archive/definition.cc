#include "archive/definition.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

using Json = nlohmann::json;

// The first thing wrong with the document; reading goes on with empty values.
class Problem {
 public:
  bool found() const { return !text_.empty(); }
  const std::string& text() const { return text_; }
  void Note(std::string text) {
    if (text_.empty()) text_ = std::move(text);
  }

 private:
  std::string text_;
};

// A place in the document, which knows its way from the root for messages.
class Node {
 public:
  Node(const Json& value, Problem* problem) : value_(value), problem_(problem) {}
  Node(const Json& value, const Node& parent, std::string step)
      : value_(value), problem_(parent.problem_), parent_(&parent), step_(std::move(step)) {}

  bool IsNull() const { return value_.is_null(); }

  Node operator[](const char* member) const {
    static const Json kNull;
    if (!value_.is_object()) {
      Expect("an object");
      return Node(kNull, *this, member);
    }
    const auto found = value_.find(member);
    return Node(found == value_.end() ? kNull : *found, *this, member);
  }

  std::string String() const {
    if (value_.is_string()) return value_.get<std::string>();
    Expect("a string");
    return {};
  }
  std::optional<std::string> OptionalString() const {
    if (IsNull()) return std::nullopt;
    return String();
  }
  bool Bool() const {
    if (value_.is_boolean()) return value_.get<bool>();
    Expect("true or false");
    return false;
  }
  template <typename Integer>
  Integer Int() const {
    if (value_.is_number_integer()) {
      const auto number = value_.get<int64_t>();
      if (number >= std::numeric_limits<Integer>::min() &&
          number <= std::numeric_limits<Integer>::max()) {
        return static_cast<Integer>(number);
      }
    }
    Expect("an integer in range");
    return 0;
  }
  // A number of up to 64 bits, written as a number or as a string.
  std::string Decimal() const {
    return value_.is_number_integer() ? std::to_string(value_.get<int64_t>()) : String();
  }
  // One of the characters of `allowed`.
  char Letter(std::string_view allowed) const {
    const std::string text = String();
    if (text.size() == 1 && allowed.find(text[0]) != std::string_view::npos) return text[0];
    Expect("one of \"" + std::string(allowed) + "\"");
    return allowed[0];
  }
  // The same or the empty string.
  std::string OptionalLetter(std::string_view allowed) const {
    return value_ == Json("") ? std::string() : std::string(1, Letter(allowed));
  }
  template <typename T>
  std::vector<T> List(T (*read)(const Node&)) const {
    std::vector<T> items;
    if (!value_.is_array()) {
      Expect("an array");
      return items;
    }
    for (size_t i = 0; i < value_.size() && !problem_->found(); ++i) {
      items.push_back(read(Node(value_[i], *this, "[" + std::to_string(i) + "]")));
    }
    return items;
  }

  void Expect(const std::string& what) const { problem_->Note(Path() + " is not " + what); }

 private:
  std::string Path() const {
    if (parent_ == nullptr) return "the document";
    if (parent_->parent_ == nullptr) return step_;
    return parent_->Path() + (step_[0] == '[' ? "" : ".") + step_;
  }

  const Json& value_;
  Problem* problem_;
  const Node* parent_ = nullptr;
  std::string step_;
};

std::string ReadString(const Node& node) { return node.String(); }

QualifiedName ReadName(const Node& node) {
  return {node["schema"].String(), node["name"].String()};
}

std::optional<QualifiedName> ReadOptionalName(const Node& node) {
  if (node.IsNull()) return std::nullopt;
  return ReadName(node);
}

NamedDefinition ReadNamedDefinition(const Node& node) {
  return {node["name"].String(), node["definition"].String()};
}

TypeDefinition::Attribute ReadAttribute(const Node& node) {
  return {node["name"].String(), node["type"].String(), node["collation"].OptionalString()};
}

TypeDefinition ReadType(const Node& node) {
  TypeDefinition type;
  type.oid = node["oid"].Int<uint32_t>();
  type.name = ReadName(node);
  const std::string kind = node["kind"].String();
  if (kind == "enum") {
    type.kind = TypeDefinition::Kind::kEnum;
    type.labels = node["labels"].List(ReadString);
  } else if (kind == "domain") {
    type.kind = TypeDefinition::Kind::kDomain;
    type.base = node["base"].String();
    type.collation = node["collation"].OptionalString();
    type.default_value = node["default"].OptionalString();
    type.not_null = node["not_null"].Bool();
    type.constraints = node["constraints"].List(ReadNamedDefinition);
  } else if (kind == "composite") {
    type.kind = TypeDefinition::Kind::kComposite;
    type.attributes = node["attributes"].List(ReadAttribute);
  } else if (kind == "range") {
    type.kind = TypeDefinition::Kind::kRange;
    type.base = node["subtype"].String();
    type.multirange = node["multirange"].OptionalString();
  } else {
    node["kind"].Expect("enum, domain, composite or range");
  }
  return type;
}

ColumnDefinition ReadColumn(const Node& node) {
  ColumnDefinition column;
  column.attnum = node["attnum"].Int<int>();
  column.name = node["name"].String();
  if (const Node since = node["since"]; !since.IsNull()) column.since = since.Int<uint32_t>();
  column.type = node["type"].String();
  column.type_oid = node["type_oid"].Int<uint32_t>();
  column.type_modifier = node["type_modifier"].Int<int32_t>();
  column.collation = node["collation"].OptionalString();
  column.not_null = node["not_null"].Bool();
  column.not_null_name = node["not_null_name"].OptionalString();
  column.default_value = node["default"].OptionalString();
  column.identity = node["identity"].OptionalLetter("ad");
  column.generated = node["generated"].OptionalLetter("sv");
  column.missing = node["missing"].OptionalString();
  column.stream_type = ReadOptionalName(node["stream_type"]);
  return column;
}

ConstraintDefinition ReadConstraint(const Node& node) {
  ConstraintDefinition constraint;
  constraint.name = node["name"].String();
  constraint.type = node["type"].Letter("pucxfn");
  constraint.definition = node["definition"].String();
  constraint.columns = node["columns"].List(ReadString);
  constraint.references = ReadOptionalName(node["references"]);
  return constraint;
}

IndexDefinition ReadIndex(const Node& node) {
  return {node["name"].String(), node["definition"].String(), node["replica_identity"].Bool(),
          node["clustered"].Bool()};
}

SequenceDefinition ReadSequence(const Node& node) {
  SequenceDefinition sequence;
  sequence.name = ReadName(node);
  sequence.column = node["column"].String();
  sequence.type = node["type"].String();
  sequence.start = node["start"].Decimal();
  sequence.increment = node["increment"].Decimal();
  sequence.min = node["min"].Decimal();
  sequence.max = node["max"].Decimal();
  sequence.cache = node["cache"].Decimal();
  sequence.cycle = node["cycle"].Bool();
  return sequence;
}

TableDefinition ReadTable(const Node& node) {
  TableDefinition table;
  table.oid = node["oid"].Int<uint32_t>();
  table.name = ReadName(node);
  table.kind = node["kind"].Letter("rp");
  table.published = node["published"].Bool();
  table.persistence = node["persistence"].Letter("put");
  table.replica_identity = node["replica_identity"].Letter("dnfi");
  if (const Node columns = node["key_columns"]; !columns.IsNull()) {
    table.key_columns = columns.List(ReadString);
  }
  table.partition_key = node["partition_key"].OptionalString();
  if (const Node parent = node["parent"]; !parent.IsNull()) {
    table.parent = TableDefinition::Parent{ReadName(parent), parent["bound"].String()};
  }
  table.columns = node["columns"].List(ReadColumn);
  table.row_filter = node["row_filter"].OptionalString();
  if (const Node columns = node["published_columns"]; !columns.IsNull()) {
    table.published_columns = columns.List(ReadString);
  }
  table.constraints = node["constraints"].List(ReadConstraint);
  table.indexes = node["indexes"].List(ReadIndex);
  table.sequences = node["sequences"].List(ReadSequence);
  return table;
}

DatabaseDefinition ReadDatabase(const Node& node) {
  DatabaseDefinition database;
  database.name = node["name"].String();
  database.encoding = node["encoding"].String();
  database.collate = node["collate"].String();
  database.ctype = node["ctype"].String();
  database.provider = node["provider"].OptionalString().value_or("");
  database.locale = node["locale"].OptionalString();
  database.icu_rules = node["icu_rules"].OptionalString();
  return database;
}

template <typename Items, typename Predicate>
auto FindIf(const Items& items, Predicate matches) -> decltype(items.data()) {
  for (const auto& item : items) {
    if (matches(item)) return &item;
  }
  return nullptr;
}

}  // namespace

const ColumnDefinition* TableDefinition::FindColumn(std::string_view column) const {
  return FindIf(columns, [&](const ColumnDefinition& item) { return item.name == column; });
}

bool TableDefinition::Sends(const ColumnDefinition& column) const {
  if (!published_columns) return column.generated.empty();
  return std::find(published_columns->begin(), published_columns->end(), column.name) !=
         published_columns->end();
}

const TableDefinition* Definition::FindTable(uint32_t oid) const {
  return FindIf(tables, [&](const TableDefinition& item) { return item.oid == oid; });
}

const TableDefinition* Definition::FindTable(const QualifiedName& name) const {
  return FindIf(tables, [&](const TableDefinition& item) { return item.name == name; });
}

Result<Definition> ParseDefinition(std::string_view json) {
  const Json document = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return Fail(ErrorKind::kCorrupt, "the definition of the tables is not JSON");
  }
  Problem problem;
  const Node root(document, &problem);
  Definition definition;
  if (const int format = root["format"].Int<int>(); !problem.found() && format != 1) {
    return Fail(ErrorKind::kUnsupported,
                "the definition of the tables has format " + std::to_string(format),
                "a newer version of trunkline reads it");
  }
  definition.publication = root["publication"].OptionalString().value_or(std::string());
  definition.snapshot = root["snapshot"].OptionalString().value_or(std::string());
  definition.server_version = root["server_version"].Int<int>();
  definition.database = ReadDatabase(root["database"]);
  if (const Node all = root["all_tables"]; !all.IsNull()) definition.all_tables = all.Bool();
  definition.schemas = root["schemas"].List(ReadString);
  definition.extensions = root["extensions"].List(ReadName);
  definition.types = root["types"].List(ReadType);
  definition.tables = root["tables"].List(ReadTable);
  if (problem.found()) {
    return Fail(ErrorKind::kCorrupt, "the definition of the tables: " + problem.text());
  }
  return definition;
}

}  // namespace trunkline
