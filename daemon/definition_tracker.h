// DefinitionTracker: keeps the archive's definition of the published tables what it is at the
// source, at each point of the stream.
//
// Where DDL capture is installed (sql/ddl_capture.sql), each change of a definition comes in the
// stream itself, as a logical message that stands exactly where the change was made; the source is
// asked once when the stream begins, for what changed while the capture was not installed, and when
// something does not fit.
//
// Else the stream tells little: a RELATION message names columns and key, and comes with the first
// change after the table was altered in any way; a new label of an enum or a dropped table shows in
// nothing. So the source is asked whenever a table is described, and now and then while
// transactions come. What it answers may be ahead of the stream, and shows it by tables that the
// stream describes otherwise, or by a transaction that made some of it and is newer than the one at
// hand; such an answer is archived, or once more, when the stream gets there.
//
// Answers come from another thread. Where the stream describes a table, the caller waits for one,
// and not for long: a column dropped and added again is described as before, what older rows hold
// in a new column is known only while the column is there, and a change must not come in front of
// the definition that it needs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_asker.h"
#include "daemon/definition_query.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

class DefinitionTracker {
 public:
  using Clock = DefinitionAsker::Clock;
  // Called when a definition has been taken into the open segment, with the one in force before it
  // and the commit LSN of its transaction, on the thread that calls the tracker. The segment may
  // still be given up: the same is then told again.
  using Listener = std::function<void(const DescribedTables& before, const DescribedTables& after,
                                      Lsn commit_lsn)>;

  // How long a table described may hold up the caller, from when it was noticed.
  static constexpr std::chrono::seconds kPatience{2};

  // `asker` is not owned.
  DefinitionTracker(std::string publication, DefinitionAsker* asker)
      : publication_(std::move(publication)), asker_(asker) {}

  void set_listener(Listener listener) { listener_ = std::move(listener); }

  // `tables` is the archive's newest definition.
  void Learn(DescribedTables tables);
  // Since Learn a definition was passed on, which may never have reached the archive.
  bool uncertain() const { return uncertain_; }
  // A stream begins; `ddl_captured` says whether definitions come in it.
  void NoteStream(bool ddl_captured);

  // The changes that follow are of `transaction`.
  void NoteTransaction(const TransactionInfo& transaction, Clock::time_point now);
  // The stream has described a table, perhaps as before.
  void NoteDescription(Clock::time_point now);
  // The next change is the first that uses `relation` as it is described here.
  void NoteRelation(const Relation& relation);
  // A logical message, which is archived as it is.
  void NoteMessage(const Change& message);

  // Whether to call Check ahead of the next change.
  bool due() const { return due_ || asker_->answered(); }
  // Passes a kDefinition change to `sink` where the source's definition is not the archive's.
  Result<void> Check(TransactionSink* sink);

 private:
  bool AheadOfStream(const DescribedTables& tables) const;
  bool ReachesAhead() const;
  void AskIfWanted();
  Result<void> TakeAnswer(DefinitionAsker::Answer answer, TransactionSink* sink);
  Result<void> TakeAhead(TransactionSink* sink);
  Result<void> Archive(DescribedTables tables, TransactionSink* sink);
  void InForce(DescribedTables tables);

  const std::string publication_;
  DefinitionAsker* const asker_;
  Listener listener_;

  DescribedTables in_force_;                      // the archive's, or what the open segment has
  std::unordered_map<uint32_t, Relation> known_;  // by oid: of in_force_, or as the stream had it
  std::unordered_map<uint32_t, Relation> streamed_;  // by oid: as the stream had it last
  std::optional<DescribedTables> ahead_;             // to archive when the stream gets there
  bool uncertain_ = false;
  bool ddl_captured_ = false;

  bool due_ = false;
  bool wanted_ = false;     // ask, once not_before_ has passed
  bool described_ = false;  // the same, and wait for the answer
  bool differing_ = false;  // ask at once: a table is not as known_
  uint64_t asked_ = 0;      // the newest ticket
  uint64_t void_ = 0;       // answers up to this ticket are out of date
  // Of a query whose answer is archived though it be ahead; 0: none, all are answered.
  uint64_t needed_ = 0;
  uint64_t awaited_ = 0;            // the ticket that the caller waits for; 0: none
  Clock::time_point patience_end_;  // of that
  Xid xid_;                         // of the transaction that is open
  Lsn position_;                    // its commit LSN
  Clock::time_point now_;           // as it was told last
  Clock::time_point answered_;
  Clock::time_point not_before_;
};

}  // namespace trunkline
