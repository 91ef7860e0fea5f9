// IndexReader: what an index has of a table and the rows with some keys, as the events that a walk
// of the archive would yield.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/index_records.h"
#include "replay/row_event.h"
#include "replay/row_index.h"
#include "replay/table_finder.h"

namespace trunkline {

class IndexReader {
 public:
  // kNotFound where the folder has no index; kConflict, saying why, for one that is not of the
  // archive as it is now.
  static Result<std::unique_ptr<IndexReader>> Open(const Store& store, const Catalog& catalog,
                                                   const std::string& folder);

  // The index has everything of transactions up to here, from where a walk began; `digest` is that
  // of the segment which ends here.
  Lsn end() const { return mark_.end; }
  const std::string& digest() const { return mark_.digest; }
  // Whether a walk can go on at the end; `State` is what it knows there.
  bool goes_on() const { return mark_.in_era; }
  Result<std::string> State() const;
  // Where the walk began that came past `lsn`.
  std::optional<Lsn> BeginningBefore(Lsn lsn) const;

  // The rest reads what was before `until`, and the snapshots at it.

  // The names of tables in the range from `begin` on.
  Result<void> FindNames(Lsn beginning, Lsn begin, Lsn until, TableFinder* finder) const;
  // kNotFound where there is none.
  Result<std::shared_ptr<const TableShape>> ShapeOf(uint32_t oid, Lsn beginning, Lsn until) const;
  // Plays what happened to the table, and to the rows with one of `keys`. Keys may be added
  // meanwhile, and count from then on.
  Result<void> Play(uint32_t oid, Lsn beginning, Lsn until, const std::set<std::string>& keys,
                    RowSink* sink) const;

 private:
  IndexReader(std::unique_ptr<HistoryIndex> index, IndexMark mark)
      : index_(std::move(index)), mark_(std::move(mark)) {}

  std::unique_ptr<HistoryIndex> index_;
  IndexMark mark_;
};

// Where an archive's index is unless the user says otherwise: "trunkline/<digest of the identity>"
// in $XDG_CACHE_HOME or ~/.cache. kInvalidArgument where there is neither.
Result<std::string> DefaultIndexFolder(const Identity& identity);

}  // namespace trunkline
