#include "replay/table_finder.h"

#include <algorithm>

#include "replay/table_filter.h"

namespace trunkline {
namespace {

QualifiedName NameOf(const TableShape& shape) {
  return {shape.relation.schema, shape.relation.name};
}

}  // namespace

Result<void> TableFinder::Take(uint32_t oid, const RowEvent& event) {
  ++events_;
  if (event.kind == RowEventKind::kGone) tables_[oid].gone = true;
  if (event.kind != RowEventKind::kShape) return {};
  Table& table = tables_[oid];
  table.shape = event.shape;
  table.names.insert(NameOf(*event.shape));
  table.newest = events_;
  table.gone = false;
  return {};
}

// Of tables with the same name, which followed each other, the last one is meant.
Result<std::shared_ptr<const TableShape>> TableFinder::Find(const std::string& asked) const {
  std::map<QualifiedName, const Table*> now;
  std::map<uint32_t, const Table*> before;
  for (const auto& [oid, table] : tables_) {
    if (table.shape == nullptr) continue;
    const QualifiedName name = NameOf(*table.shape);
    if (!table.gone && Names(asked, name)) {
      const Table*& newest = now[name];
      if (newest == nullptr || newest->newest < table.newest) newest = &table;
    }
    const bool had = std::any_of(table.names.begin(), table.names.end(),
                                 [&](const QualifiedName& old) { return Names(asked, old); });
    if (had) before[oid] = &table;
  }
  if (now.size() == 1) return now.begin()->second->shape;
  if (now.empty() && before.size() == 1) return before.begin()->second->shape;
  if (now.empty() && before.empty()) {
    return Fail(ErrorKind::kNotFound, "the archive knows no table \"" + asked + "\" in the range",
                "trunkline info lists the tables");
  }
  std::string candidates;
  for (const auto& [name, table] : now) candidates += " " + name.first + "." + name.second;
  if (!now.empty()) {
    return Fail(ErrorKind::kInvalidArgument,
                "more than one schema has a table \"" + asked + "\":" + candidates,
                "name it as schema.table");
  }
  return Fail(ErrorKind::kInvalidArgument,
              std::to_string(before.size()) + " tables had the name \"" + asked +
                  "\" in the range, and none has it at its end",
              "choose a --to at which the table is there");
}

}  // namespace trunkline
