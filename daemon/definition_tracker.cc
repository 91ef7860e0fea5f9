#include "daemon/definition_tracker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace trunkline {
namespace {

// How often the source is asked while transactions come.
constexpr std::chrono::seconds kInterval{1};
// Queries without much cause may take this much at once, and a tenth of the time in the long run: a
// TRUNCATE has a table described again as well.
constexpr std::chrono::seconds kBurst{1};
constexpr int kPaybackFactor = 10;

// Whether `a` was assigned after `b`, in the circular order of transaction ids. Commits may come in
// another order; but DDL locks its table, so that it hardly does where both touch the same one.
bool IsNewer(Xid a, Xid b) { return a.valid() && static_cast<int32_t>(a.value - b.value) > 0; }

}  // namespace

void DefinitionTracker::Learn(DescribedTables tables) {
  known_.clear();
  for (DescribedTable& table : tables.tables) {
    const uint32_t oid = table.relation.oid;
    known_.insert_or_assign(oid, std::move(table.relation));
  }
  document_ = std::move(tables.document);
  ahead_.reset();
  uncertain_ = false;
}

void DefinitionTracker::NoteTransaction(const TransactionInfo& transaction, Clock::time_point now) {
  xid_ = transaction.xid;
  position_ = transaction.commit_lsn;
  if (ahead_.has_value()) {
    if (position_ >= ahead_->as_of) due_ = true;
  } else if (now - checked_ >= kInterval) {
    wanted_ = true;
  }
  if (wanted_ && now >= not_before_) due_ = true;
}

void DefinitionTracker::NoteDescription(Clock::time_point now) {
  wanted_ = true;
  if (now >= not_before_) due_ = true;
}

void DefinitionTracker::NoteRelation(const Relation& relation) {
  streamed_.insert_or_assign(relation.oid, relation);
  Relation& known = known_[relation.oid];
  if (known == relation) return;
  known = relation;
  differing_ = due_ = true;
}

bool DefinitionTracker::AheadOfStream(const DescribedTables& tables) const {
  if (xid_.valid() && IsNewer(tables.newest_xid, xid_)) return true;
  return std::any_of(streamed_.begin(), streamed_.end(), [&](const auto& entry) {
    const Relation* relation = tables.FindRelation(entry.first);
    return relation == nullptr || *relation != entry.second;
  });
}

Result<DescribedTables> DefinitionTracker::Ask() {
  const Clock::time_point last = checked_;
  const Clock::time_point begun = Clock::now();
  ASSIGN_OR_RETURN(DescribedTables tables, query_());
  checked_ = Clock::now();
  spent_ -= std::min(spent_, (begun - last) / kPaybackFactor);
  spent_ += checked_ - begun;
  not_before_ = checked_ + std::max<Clock::duration>(spent_ - kBurst, {}) * kPaybackFactor;
  return tables;
}

Result<void> DefinitionTracker::Check(TransactionSink* sink) {
  due_ = false;
  if (ahead_.has_value() && position_ >= ahead_->as_of) {
    for (const auto& [oid, relation] : std::exchange(streamed_, {})) {
      // A table dropped by now is not waited for again.
      if (ahead_->FindRelation(oid) != nullptr) streamed_.emplace(oid, relation);
    }
    TRY(Archive(std::exchange(ahead_, std::nullopt)->document, sink));
  }
  if (!wanted_ && !differing_) return {};
  wanted_ = false;
  const bool differing = std::exchange(differing_, false);
  ASSIGN_OR_RETURN(DescribedTables tables, Ask());
  if (!differing && tables.document == document_) return {};
  const bool ahead = AheadOfStream(tables);
  // Even an answer that is ahead tells of a table that no definition in the archive describes.
  if (differing || !ahead) TRY(Archive(tables.document, sink));
  if (!ahead) {
    ahead_.reset();
  } else if (!ahead_.has_value()) {  // else the one that comes first stays
    ahead_ = std::move(tables);
  }
  return {};
}

Result<void> DefinitionTracker::Archive(const std::string& document, TransactionSink* sink) {
  spdlog::info("the published tables are defined otherwise than before: archiving the definition");
  Change change;
  change.operation = Operation::kDefinition;
  change.content = document;
  TRY(sink->OnChange(change));
  document_ = document;
  uncertain_ = true;
  return {};
}

}  // namespace trunkline
