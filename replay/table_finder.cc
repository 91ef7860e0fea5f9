#include "replay/table_finder.h"

#include <algorithm>
#include <utility>

#include "replay/table_filter.h"

namespace trunkline {

Result<void> TableFinder::Take(uint32_t oid, const RowEvent& event) {
  if (event.kind == RowEventKind::kGone) NoteGone(oid);
  if (event.kind != RowEventKind::kShape) return {};
  NoteName(oid, {event.shape->relation.schema, event.shape->relation.name});
  tables_[oid].shape = event.shape;
  return {};
}

// One that goes on under the same name is not younger than others that came to have it.
void TableFinder::NoteName(uint32_t oid, QualifiedName name) {
  Table& table = tables_[oid];
  if (table.name != name || table.gone || table.named_at == 0) table.named_at = ++events_;
  table.names.insert(name);
  table.name = std::move(name);
  table.gone = false;
}

void TableFinder::NoteGone(uint32_t oid) { tables_[oid].gone = true; }

void TableFinder::BeginRange() {
  std::erase_if(tables_, [](const auto& table) { return table.second.gone; });
  for (auto& [oid, table] : tables_) table.names = {table.name};
}

std::shared_ptr<const TableShape> TableFinder::ShapeOf(uint32_t oid) const {
  const auto found = tables_.find(oid);
  return found == tables_.end() ? nullptr : found->second.shape;
}

// Of tables with the same name, which followed each other, the last one is meant.
Result<uint32_t> TableFinder::Find(const std::string& asked) const {
  std::map<QualifiedName, std::pair<uint64_t, uint32_t>> now;  // since when, and the OID
  std::vector<uint32_t> before;
  for (const auto& [oid, table] : tables_) {
    if (!table.gone && Names(asked, table.name)) {
      auto& newest = now[table.name];
      newest = std::max(newest, {table.named_at, oid});
    }
    const bool had = std::any_of(table.names.begin(), table.names.end(),
                                 [&](const QualifiedName& name) { return Names(asked, name); });
    if (had) before.push_back(oid);
  }
  if (now.size() == 1) return now.begin()->second.second;
  if (now.empty() && before.size() == 1) return before.front();
  if (now.empty() && before.empty()) {
    return Fail(ErrorKind::kNotFound, "the archive knows no table \"" + asked + "\" in the range",
                "trunkline info lists the tables");
  }
  if (now.empty()) {
    return Fail(ErrorKind::kInvalidArgument,
                std::to_string(before.size()) + " tables had the name \"" + asked +
                    "\" in the range, and none has it at its end",
                "choose a --to at which the table is there");
  }
  std::string candidates;
  for (const auto& [name, newest] : now) candidates += " " + name.first + "." + name.second;
  return Fail(ErrorKind::kInvalidArgument,
              "more than one schema has a table \"" + asked + "\":" + candidates,
              "name it as schema.table");
}

}  // namespace trunkline
