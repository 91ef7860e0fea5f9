// SchemaFold, as far as what it knows can be kept and taken up again.
#include <nlohmann/json.hpp>
#include <utility>

#include "archive/schema_fold.h"

namespace trunkline {
namespace {

using Json = nlohmann::json;

// What FormatDefinition puts where a name is not UTF-8.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

Json ToJson(const Relation& relation) {
  Json columns = Json::array();
  for (const RelationColumn& column : relation.columns) {
    columns.push_back({column.name, column.type_oid, column.type_modifier, column.key,
                       column.type_schema, column.type_name});
  }
  return {relation.oid, relation.schema, relation.name, static_cast<int>(relation.identity),
          std::move(columns)};
}

Relation ToRelation(const Json& json) {
  Relation relation;
  relation.oid = json.at(0);
  relation.schema = json.at(1);
  relation.name = json.at(2);
  relation.identity = static_cast<ReplicaIdentity>(json.at(3).get<int>());
  for (const Json& item : json.at(4)) {
    RelationColumn& column = relation.columns.emplace_back();
    column.name = item.at(0);
    column.type_oid = item.at(1);
    column.type_modifier = item.at(2);
    column.key = item.at(3);
    column.type_schema = item.at(4);
    column.type_name = item.at(5);
  }
  return relation;
}

Json ToJson(const ChangedType& type) {
  return {{"oid", type.oid},
          {"name", type.name},
          {"renamed", type.renamed ? Json(*type.renamed) : Json(nullptr)},
          {"holders", type.holders}};
}

ChangedType ToChangedType(const Json& json) {
  ChangedType type;
  type.oid = json.at("oid");
  type.name = json.at("name");
  if (!json.at("renamed").is_null()) type.renamed = json.at("renamed").get<RenamedLabelMap>();
  type.holders = json.at("holders").get<std::vector<std::string>>();
  return type;
}

}  // namespace

Result<std::string> SchemaFold::Save() const {
  Json json = {{"definition", FormatDefinition(definition_)},
               {"older", FormatDefinition(older_)},
               {"table_changes", overlap_.table_changes_},
               {"type_changes", overlap_.type_changes_},
               {"missing", missing_},
               {"definitions", definitions_},
               {"reached", reached_.value},
               {"renamed", Json::array()},
               {"tables", Json::array()}};
  for (const ChangedType& type : renamed_) json["renamed"].push_back(ToJson(type));
  for (const auto& [oid, entry] : entries_) {
    Json table = {{"relation", ToJson(entry.rows->relation())},
                  {"attnums", entry.numbers.attnums},
                  {"fits", entry.numbers.fits},
                  {"unsent", entry.numbers.unsent},
                  {"definitions", entry.definitions},
                  {"seen", entry.seen},
                  {"waiting", entry.waiting},
                  {"doubtful_from", entry.doubtful_from.value},
                  {"has_rows", entry.rows->has_rows()},
                  {"doubt", nullptr}};
    if (const std::optional<Error>& doubt = entry.rows->doubt()) {
      table["doubt"] = {doubt->message, doubt->hint};
    }
    json["tables"].push_back(std::move(table));
  }
  try {
    std::string document = json.dump();
    if (document.find(kReplacement) == std::string::npos) return document;
  } catch (const Json::exception&) {
    // A name that is not UTF-8, as below.
  }
  return Fail(ErrorKind::kUnsupported, "the database has names that are not UTF-8");
}

Result<void> SchemaFold::Restore(std::string_view document) try {
  const Json json = Json::parse(document);
  ASSIGN_OR_RETURN(definition_, ParseDefinition(json.at("definition").get<std::string>()));
  ASSIGN_OR_RETURN(older_, ParseDefinition(json.at("older").get<std::string>()));
  using Changes = std::unordered_map<uint32_t, uint32_t>;
  overlap_.table_changes_ = json.at("table_changes").get<Changes>();
  overlap_.type_changes_ = json.at("type_changes").get<Changes>();
  missing_ = json.at("missing").get<std::unordered_set<uint32_t>>();
  definitions_ = json.at("definitions");
  reached_ = Lsn{json.at("reached").get<uint64_t>()};
  renamed_.clear();
  for (const Json& type : json.at("renamed")) renamed_.push_back(ToChangedType(type));
  entries_.clear();
  ForgetBindings();
  for (const Json& table : json.at("tables")) {
    const Relation relation = ToRelation(table.at("relation"));
    if (!Wants(relation.oid)) continue;
    std::optional<Error> doubt;
    if (const Json& its = table.at("doubt"); !its.is_null()) {
      doubt = Error{ErrorKind::kGap, its.at(0), its.at(1)};
    }
    Entry& entry = entries_[relation.oid];
    entry.rows = RestoredRows(relation, table.at("has_rows"), std::move(doubt));
    entry.numbers.attnums = table.at("attnums").get<std::vector<int>>();
    entry.numbers.fits = table.at("fits");
    entry.numbers.unsent = table.at("unsent").get<std::vector<int>>();
    entry.definitions = table.at("definitions");
    entry.seen = table.at("seen");
    entry.waiting = table.at("waiting");
    entry.doubtful_from = Lsn{table.at("doubtful_from").get<uint64_t>()};
  }
  return {};
} catch (const Json::exception&) {
  return Fail(ErrorKind::kCorrupt, "what a fold knew is not what was kept of it");
}

std::unique_ptr<TableRows> SchemaFold::RestoredRows(const Relation& relation, bool,
                                                    std::optional<Error> doubt) {
  std::unique_ptr<TableRows> rows = NewRows(relation);
  if (doubt) rows->set_doubt(std::move(*doubt));
  return rows;
}

}  // namespace trunkline
