// Fold, as far as it ends: which tables there are at the target.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "archive/stream_definition.h"
#include "replay/fold.h"

namespace trunkline {

// Tables whose name another one bears: they were dropped or renamed before that one was made.
std::unordered_set<uint32_t> Fold::SupersededTables() const {
  const auto rank = [this](uint32_t oid, const Entry& entry) {
    const bool defined = definition_.FindTable(oid) != nullptr;
    if (defined && entry.seen) return 3;
    if (entry.seen && !missing_.contains(oid)) return 2;
    return defined ? 1 : 0;
  };
  std::map<QualifiedName, std::pair<int, uint32_t>> winners;
  std::unordered_set<uint32_t> superseded;
  for (const auto& [oid, entry] : entries_) {
    const std::pair<int, uint32_t> candidate(rank(oid, entry), oid);
    const Relation& relation = entry.rows->relation();
    auto [winner, first] =
        winners.try_emplace(QualifiedName(relation.schema, relation.name), candidate);
    if (first) continue;
    superseded.insert(std::min(winner->second, candidate).second);
    winner->second = std::max(winner->second, candidate);
  }
  return superseded;
}

Result<void> Fold::FinishTable(uint32_t oid, Entry* entry, bool keep, Outcome* outcome) {
  // A partitioned parent shows up where it is truncated; it has rows only if it is published as
  // one.
  const TableDefinition* table = FindDefinition(oid);
  if (table != nullptr && table->kind == 'p' && !table->published) return {};
  if (missing_.contains(oid) && !keep) {
    warnings_.push_back("table " + NameOf(entry->rows->relation()) +
                        " is left out: the source had dropped or unpublished it when the newest "
                        "definition was made; --tables with its name keeps it");
    return {};
  }
  if (table != nullptr && definition_.FindTable(oid) == nullptr) {
    AddDefinition(*table, older_, &definition_);
  }
  std::unique_ptr<FoldedTable> folded(static_cast<FoldedTable*>(entry->rows.release()));
  folded->set_doubtful_from(entry->doubtful_from);
  TRY(folded->Finish());
  outcome->tables.push_back(std::move(folded));
  return {};
}

// A definition that was ahead of the stream renamed labels too early: rows that came between have
// the old ones.
Result<void> Fold::RenameRemainingLabels() {
  for (ChangedType& changed : renamed_) {
    const auto type =
        std::find_if(definition_.types.begin(), definition_.types.end(),
                     [&](const TypeDefinition& item) { return item.oid == changed.oid; });
    if (type == definition_.types.end()) continue;
    std::erase_if(*changed.renamed, [&](const auto& label) {
      return std::find(type->labels.begin(), type->labels.end(), label.first) != type->labels.end();
    });
    TRY(TakeChangedType(changed));
  }
  return {};
}

// Published tables that only a definition knows.
void Fold::LeaveUnknownTablesOut() {
  for (const TableDefinition* table : UnknownTables()) {
    warnings_.push_back("table " + table->name.first + "." + table->name.second +
                        " is left out: it joined the publication after the base snapshot, and no "
                        "row of it is in the archive");
  }
  std::erase_if(definition_.tables, [this](const TableDefinition& table) {
    return table.published && Wants(table.oid) && !entries_.contains(table.oid);
  });
}

Result<Fold::Outcome> Fold::Finish(const std::function<bool(const Relation& relation)>& keep) {
  TRY(RenameRemainingLabels());
  LeaveUnknownTablesOut();
  Outcome outcome;
  const std::unordered_set<uint32_t> superseded = SupersededTables();
  std::erase_if(definition_.tables,
                [&](const TableDefinition& table) { return superseded.contains(table.oid); });
  for (auto& [oid, entry] : entries_) {
    if (!superseded.contains(oid)) {
      TRY(FinishTable(oid, &entry, keep(entry.rows->relation()), &outcome));
    }
  }
  std::sort(outcome.tables.begin(), outcome.tables.end(), [](const auto& a, const auto& b) {
    return std::tie(a->relation().schema, a->relation().name) <
           std::tie(b->relation().schema, b->relation().name);
  });
  if (memory_ != nullptr) outcome.memory_bytes = memory_->database_bytes();
  for (const auto& table : outcome.tables) outcome.memory_bytes += table->memory_bytes();
  outcome.definition = std::move(definition_);
  outcome.warnings = std::move(warnings_);
  return outcome;
}

}  // namespace trunkline
