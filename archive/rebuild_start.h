// RebuildStart: the snapshots from which tables are rebuilt.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// Rows of tables as of one LSN.
struct TablesAt {
  Lsn lsn;
  // What follows from a base snapshot: tables that neither it nor an earlier element brings were
  // not published at `lsn`.
  bool base = false;
  std::string definition;  // of the source at `lsn`
  std::vector<SnapshotPart> parts;
  // By relation OID: tables of which this element or an earlier one brings a part of the rows, and
  // a later one the others, as of then.
  std::unordered_set<uint32_t> incomplete;
};

// What a rebuild of the state at `limit` begins with, by LSN: of each table the newest snapshot at
// or before it, of the newest base snapshot or by itself. A snapshot that a crash cut short may
// have tables, or pages of them, from before its LSN, which the changes since then bring on.
// kNotFound when no base snapshot is at or before `limit`.
Result<std::vector<TablesAt>> SnapshotsFor(const Store& store, const Catalog& catalog, Lsn limit);

// Every snapshot from `from` on, by LSN; a base snapshot with all of its tables, wherever their
// parts lie.
Result<std::vector<TablesAt>> SnapshotsFrom(const Store& store, const Catalog& catalog, Lsn from);

// Gives the parts of a table that was copied at several LSNs elements of their own LSNs, as
// SnapshotsFor does; tables that are whole at an earlier LSN than their element's stay.
Result<void> PartByLsn(const Store& store, std::vector<TablesAt>* snapshots);
// Whether a table has such parts both at or before `lsn`, and after it.
bool ReachAcross(const std::vector<TablesAt>& snapshots, Lsn lsn);

}  // namespace trunkline
