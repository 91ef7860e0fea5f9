#include "daemon/definition_tracker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace trunkline {
namespace {

// How often the source is asked while transactions come.
constexpr std::chrono::seconds kAskInterval{1};
// Queries without much cause take a tenth of the source's time at most: a TRUNCATE has a table
// described again as well.
constexpr int kShareOfTime = 10;

// Emitted by sql/ddl_capture.sql.
constexpr std::string_view kFailedPrefix = "trunkline.definition_failed";

// Whether `a` was assigned after `b`, in the circular order of transaction ids. Commits may come in
// another order; but DDL locks its table, so that it hardly does where both touch the same one.
bool IsNewer(Xid a, Xid b) { return a.valid() && static_cast<int32_t>(a.value - b.value) > 0; }

}  // namespace

void DefinitionTracker::InForce(DescribedTables tables) {
  known_.clear();
  for (const DescribedTable& table : tables.tables) {
    known_.insert_or_assign(table.relation.oid, table.relation);
  }
  in_force_ = std::move(tables);
}

void DefinitionTracker::Learn(DescribedTables tables) {
  InForce(std::move(tables));
  ahead_.reset();
  void_ = asked_;
  needed_ = awaited_ = 0;
  uncertain_ = false;
}

void DefinitionTracker::NoteStream(bool ddl_captured) {
  ddl_captured_ = ddl_captured;
  wanted_ = true;
  // What is awaited since before an outage is awaited anew, and can be answered now.
  patience_end_ = Clock::now() + kPatience;
  asker_->Hurry();
}

void DefinitionTracker::NoteTransaction(const TransactionInfo& transaction, Clock::time_point now) {
  now_ = now;
  xid_ = transaction.xid;
  position_ = transaction.commit_lsn;
  if (ahead_.has_value()) {
    due_ = due_ || ReachesAhead();
  } else if (!ddl_captured_ && now - answered_ >= kAskInterval) {
    wanted_ = true;
  }
  if (wanted_ && now >= not_before_) due_ = true;
}

void DefinitionTracker::NoteDescription(Clock::time_point now) {
  now_ = now;
  if (ddl_captured_) return;
  wanted_ = described_ = true;
  if (now >= not_before_ || ahead_.has_value()) due_ = true;
}

void DefinitionTracker::NoteRelation(const Relation& relation) {
  streamed_.insert_or_assign(relation.oid, relation);
  Relation& known = known_[relation.oid];
  if (known == relation) return;
  known = relation;
  differing_ = due_ = true;
}

void DefinitionTracker::NoteMessage(const Change& message) {
  if (!message.transactional) return;
  if (message.prefix == kFailedPrefix) {
    if (message.content == publication_) differing_ = due_ = true;
    return;
  }
  if (message.prefix != kDefinitionPrefix) return;
  Result<DescribedTables> tables = ParseDefinitionTables(std::string(message.content));
  if (!tables) {
    spdlog::warn("a message at {} has the prefix {} but holds no definition: passed over",
                 position_.ToString(), kDefinitionPrefix);
    return;
  }
  if (!tables->publication.empty() && tables->publication != publication_) return;
  // It is the truth at this point; whatever was asked before is older, or comes in the stream too.
  void_ = asked_;
  needed_ = awaited_ = 0;
  differing_ = false;
  ahead_.reset();
  uncertain_ = true;
  const DescribedTables before = std::exchange(in_force_, {});
  InForce(std::move(*tables));
  for (auto& [oid, relation] : streamed_) {
    if (const Relation* now = in_force_.FindRelation(oid)) relation = *now;
  }
  if (listener_) listener_(before, in_force_, position_);
}

bool DefinitionTracker::AheadOfStream(const DescribedTables& tables) const {
  // What changed before then came in the stream as well, unless the capture was not installed.
  if (ddl_captured_) return position_ < tables.settled;
  if (xid_.valid() && IsNewer(tables.newest_xid, xid_)) return true;
  return std::any_of(streamed_.begin(), streamed_.end(), [&](const auto& entry) {
    const Relation* relation = tables.FindRelation(entry.first);
    return relation == nullptr || *relation != entry.second;
  });
}

bool DefinitionTracker::ReachesAhead() const {
  return position_ >= ahead_->as_of || !AheadOfStream(*ahead_);
}

void DefinitionTracker::AskIfWanted() {
  if (!wanted_ && !differing_) return;
  if (!differing_ && now_ < not_before_) return;
  wanted_ = false;
  asked_ = asker_->Ask();
  const bool differing = std::exchange(differing_, false);
  if (std::exchange(described_, false) || differing) {
    if (awaited_ == 0) patience_end_ = Clock::now() + kPatience;
    awaited_ = asked_;
  }
  if (differing) {
    needed_ = asked_;
  } else {
    not_before_ = now_ + kAskInterval;  // until the answer says how long it took
  }
}

Result<void> DefinitionTracker::Check(TransactionSink* sink) {
  due_ = false;
  TRY(TakeAhead(sink));
  AskIfWanted();
  if (awaited_ != 0) asker_->Await(awaited_, patience_end_);
  std::optional<DefinitionAsker::Answer> answer = asker_->Take();
  if (!answer.has_value()) return {};
  return TakeAnswer(std::move(*answer), sink);
}

Result<void> DefinitionTracker::TakeAhead(TransactionSink* sink) {
  if (!ahead_.has_value() || !ReachesAhead()) return {};
  if (!AheadOfStream(*ahead_)) differing_ = false;  // it is what is looked for
  for (const auto& [oid, relation] : std::exchange(streamed_, {})) {
    // A table dropped by now is not waited for again.
    if (ahead_->FindRelation(oid) != nullptr) streamed_.emplace(oid, relation);
  }
  return Archive(*std::exchange(ahead_, std::nullopt), sink);
}

Result<void> DefinitionTracker::TakeAnswer(DefinitionAsker::Answer answer, TransactionSink* sink) {
  answered_ = Clock::now();
  not_before_ = answered_ + answer.took * kShareOfTime;
  if (answer.ticket >= awaited_) awaited_ = 0;
  if (answer.ticket <= void_) return {};
  const bool needed = needed_ != 0 && answer.ticket >= needed_;
  if (needed) needed_ = 0;
  if (!needed && answer.tables.document == in_force_.document) return {};
  const bool ahead = AheadOfStream(answer.tables);
  if (ddl_captured_) answer.tables.as_of = answer.tables.settled;
  // Even an answer that is ahead tells of a table that no definition in the archive describes.
  if (needed || !ahead) TRY(Archive(answer.tables, sink));
  if (!ahead) {
    ahead_.reset();
  } else if (!ahead_.has_value()) {  // else the one that comes first stays
    ahead_ = std::move(answer.tables);
  }
  return {};
}

// What the stream has said of a table since, known_ keeps.
Result<void> DefinitionTracker::Archive(DescribedTables tables, TransactionSink* sink) {
  spdlog::info("the published tables are defined otherwise than before: archiving the definition");
  Change change;
  change.operation = Operation::kDefinition;
  change.content = tables.document;
  change.message_lsn = tables.settled;  // a table that it lacks may be there before
  TRY(sink->OnChange(change));
  uncertain_ = true;
  const DescribedTables before = std::exchange(in_force_, std::move(tables));
  if (listener_) listener_(before, in_force_, position_);
  return {};
}

}  // namespace trunkline
