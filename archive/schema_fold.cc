#include "archive/schema_fold.h"

#include <algorithm>
#include <utility>

#include "archive/stream_definition.h"
#include "base/check.h"

namespace trunkline {
namespace {

Error UnknownRows(const Relation& relation) {
  return Error{ErrorKind::kGap,
               "the table " + NameOf(relation) +
                   " joined the publication after the base snapshot, and rows that it held before "
                   "are not in the archive",
               std::string(kLeaveOutHint)};
}

}  // namespace

std::span<const Change> ChangesWithin(const DecodedBlock& block, Lsn from, Lsn limit) {
  // Commit LSNs rise from slice to slice: what is in the range stands together.
  size_t first = block.changes().size();
  size_t end = 0;
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.commit_lsn < from || slice.info.commit_lsn >= limit) continue;
    first = std::min(first, slice.first_change);
    end = std::max(end, slice.first_change + slice.change_count);
  }
  return first >= end ? std::span<const Change>() : block.changes().subspan(first, end - first);
}

void SchemaFold::OnDoubt(const Relation&, Lsn, const Error&) {}
void SchemaFold::OnDoubtEnds(uint32_t, Lsn) {}
void SchemaFold::OnDefinition(Lsn) {}

void SchemaFold::Start(Lsn lsn, std::span<const SnapshotPart> parts, Definition definition) {
  LeaveBlock(lsn);
  entries_.clear();
  ForgetBindings();
  definition_ = std::move(definition);
  older_ = Definition{};
  overlap_ = DefinitionOverlap{};
  missing_.clear();
  renamed_.clear();
  AddTables(parts);
  OnDefinition(lsn);
}

Result<void> SchemaFold::Load(Lsn lsn, std::span<const SnapshotPart> parts, Definition definition) {
  LeaveBlock(lsn);
  const Definition before = std::exchange(definition_, std::move(definition));
  Replace(before);
  for (const SnapshotPart& part : parts) {
    const Entry* entry = FindEntry(part.relation.oid);
    if (entry != nullptr && !entry->rows->incomplete()) Forget(part.relation.oid);
  }
  TakeChangedFilters(before);
  TRY(TakeChangedTypes(before));
  AddTables(parts);
  TakeQueriedTables();
  ForgetBindings();
  OnDefinition(lsn);
  return {};
}

void SchemaFold::EndLoad(const std::unordered_set<uint32_t>& incomplete) {
  for (auto& [oid, entry] : entries_) entry.rows->set_incomplete(incomplete.contains(oid));
}

void SchemaFold::AddTables(std::span<const SnapshotPart> parts) {
  for (const SnapshotPart& part : parts) {
    if (!Wants(part.relation.oid)) continue;
    missing_.erase(part.relation.oid);
    const auto found = entries_.find(part.relation.oid);
    if (found == entries_.end()) {
      AddTable(part.relation).seen = true;
    } else {
      found->second.seen = true;  // one of several parts
    }
  }
}

SchemaFold::Entry& SchemaFold::AddTable(const Relation& relation) {
  Entry& entry = entries_[relation.oid];
  entry.rows = NewRows(relation);
  entry.numbers = NumberColumns(relation, FindDefinition(relation.oid));
  return entry;
}

void SchemaFold::Forget(uint32_t oid) {
  const auto found = entries_.find(oid);
  if (found == entries_.end()) return;
  if (found->second.rows->doubt()) OnDoubtEnds(oid, Position());
  entries_.erase(found);
}

void SchemaFold::PutInDoubt(Entry* entry, const Relation& relation, Error doubt) {
  if (!entry->rows->doubt()) entry->doubtful_from = Position();
  OnDoubt(relation, entry->doubtful_from, doubt);
  entry->rows->set_doubt(std::move(doubt));
}

bool SchemaFold::Enter(const std::shared_ptr<const SegmentReader>& reader) {
  if (reader == reader_) return false;
  reader_ = reader;
  bound_.assign(reader->relations().size(), Binding{});
  for (auto& [oid, entry] : entries_) entry.active = nullptr;
  return true;
}

void SchemaFold::ForgetBindings() { std::fill(bound_.begin(), bound_.end(), Binding{}); }

void SchemaFold::EnterBlock(const DecodedBlock& block) {
  slices_ = block.slices();
  changes_ = block.changes();
}

void SchemaFold::LeaveBlock(Lsn lsn) {
  at_ = nullptr;
  slices_ = {};
  changes_ = {};
  reached_ = std::max(reached_, lsn);
}

const TransactionInfo& SchemaFold::Transaction() const {
  CHECK(at_ != nullptr);
  const auto index = static_cast<size_t>(at_ - changes_.data());
  const auto slice = std::find_if(slices_.begin(), slices_.end(), [&](const auto& candidate) {
    return index < candidate.first_change + candidate.change_count;
  });
  CHECK(slice != slices_.end());
  return slice->info;
}

Lsn SchemaFold::Position() const { return at_ == nullptr ? reached_ : Transaction().commit_lsn; }

SchemaFold::Entry* SchemaFold::FindEntry(uint32_t oid) {
  const auto found = entries_.find(oid);
  return found == entries_.end() ? nullptr : &found->second;
}

// One that no snapshot brought is new where all tables are published, and else in doubt from the
// start.
SchemaFold::Entry* SchemaFold::EntryOf(const Relation& relation) {
  Binding& binding = bound_[static_cast<size_t>(&relation - reader_->relations().data())];
  if (binding.known) return binding.entry;
  binding.known = true;
  if (!Wants(relation.oid)) return nullptr;
  binding.entry = FindEntry(relation.oid);
  if (binding.entry != nullptr) return binding.entry;
  binding.entry = &AddTable(relation);
  if (!definition_.all_tables) PutInDoubt(binding.entry, relation, UnknownRows(relation));
  return binding.entry;
}

Result<void> SchemaFold::Truncate(const Change& change) {
  for (const Relation* relation : change.truncated) {
    Entry* entry = EntryOf(*relation);
    if (entry == nullptr) continue;
    if (entry->rows->doubt()) OnDoubtEnds(relation->oid, Position());
    entry->rows->Truncate();
    TRY(Activate(entry, *relation));
  }
  return {};
}

Result<void> SchemaFold::ApplyOther(const Change& change) {
  if (change.operation == Operation::kTruncate) return Truncate(change);
  if (IsDefinition(change)) return TakeDefinition(change);
  if (const std::optional<Rewrite> rewrite = FindRewrite(change)) TakeRewrite(*rewrite);
  return {};
}

// Generated columns are computed anew by a rebuild, but for those that the stream has.
void SchemaFold::TakeRewrite(const Rewrite& rewrite) {
  Entry* entry = FindEntry(rewrite.oid);
  if (entry == nullptr || !entry->rows->has_rows()) return;
  const TableDefinition* table = FindDefinition(rewrite.oid);
  const auto is_sent = [&](const ColumnDefinition& column) {
    return !column.generated.empty() && table->Sends(column);
  };
  if (rewrite.of_generated_columns && table != nullptr &&
      std::none_of(table->columns.begin(), table->columns.end(), is_sent)) {
    return;
  }
  const Relation relation = entry->rows->relation();
  PutInDoubt(entry, relation,
             Error{ErrorKind::kGap,
                   "rows of the table " + NameOf(relation) +
                       " that are older than a rewrite of it"
                       " at LSN " +
                       Position().ToString() + " cannot be derived",
                   std::string(kLeaveOutHint)});
}

std::vector<const TableDefinition*> SchemaFold::UnknownTables() const {
  std::vector<const TableDefinition*> unknown;
  if (definition_.all_tables) return unknown;
  for (const TableDefinition& table : definition_.tables) {
    if (!table.published || !Wants(table.oid) || entries_.contains(table.oid)) continue;
    unknown.push_back(&table);
  }
  return unknown;
}

}  // namespace trunkline
