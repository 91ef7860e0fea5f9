// DefinitionTracker: notices that the published tables are defined otherwise than the newest
// definition in the archive says, and has a new one archived ahead of the first change that shows
// it.
//
// The stream tells little of a definition: a RELATION message names columns and key, and comes with
// the first change after the table was altered in any way; a new label of an enum or a dropped
// table shows in nothing. So the source is asked whenever a table is described, and now and then
// while transactions come. What it answers may be ahead of the stream, and shows it by tables that
// the stream describes otherwise, or by a transaction that made some of it and is newer than the
// one at hand; such an answer is archived, or once more, when the stream gets there.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_query.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

class DefinitionTracker {
 public:
  using Clock = std::chrono::steady_clock;
  // Asks the source how the published tables are defined now.
  using Query = std::function<Result<DescribedTables>()>;

  explicit DefinitionTracker(Query query) : query_(std::move(query)) {}

  // `tables` is the archive's newest definition.
  void Learn(DescribedTables tables);
  // Since Learn a definition was passed on, which may never have reached the archive.
  bool uncertain() const { return uncertain_; }

  // The changes that follow are of `transaction`.
  void NoteTransaction(const TransactionInfo& transaction, Clock::time_point now);
  // The stream has described a table, perhaps as before.
  void NoteDescription(Clock::time_point now);
  // The next change is the first that uses `relation` as it is described here.
  void NoteRelation(const Relation& relation);

  // Whether to call Check ahead of the next change.
  bool due() const { return due_; }
  // Passes a kDefinition change to `sink` where the source's definition is not the archive's.
  Result<void> Check(TransactionSink* sink);

 private:
  bool AheadOfStream(const DescribedTables& tables) const;
  Result<void> Archive(const std::string& document, TransactionSink* sink);
  Result<DescribedTables> Ask();

  const Query query_;
  std::string document_;                          // the archive's
  std::unordered_map<uint32_t, Relation> known_;  // by oid: of document_, or as the stream had it
  std::unordered_map<uint32_t, Relation> streamed_;  // by oid: as the stream had it last
  std::optional<DescribedTables> ahead_;             // to archive when the stream gets to its LSN
  bool uncertain_ = false;

  bool due_ = false;
  bool wanted_ = false;     // ask, once not_before_ has passed
  bool differing_ = false;  // ask at once: a table is not as known_
  Xid xid_;                 // of the transaction that is open
  Lsn position_;            // its commit LSN
  Clock::time_point checked_;
  Clock::time_point not_before_;
  Clock::duration spent_{0};  // on queries, paid back over time
};

}  // namespace trunkline
