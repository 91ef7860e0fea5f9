// Snapshotter: takes base snapshots, all rows of the published tables at one LSN, and snapshots of
// single tables.
//
// A crash leaves parts of tables without a manifest, which do not count: the next snapshot removes
// them. Neither tables that are whole are copied again for a base snapshot, nor ranges of pages of
// large ones for any (kept_copies.h).
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <unordered_set>

#include "archive/appender.h"
#include "archive/rebuild_start.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_query.h"
#include "daemon/metrics.h"
#include "daemon/source.h"

namespace trunkline {

struct SnapshotOptions {
  std::string conninfo;
  std::string publication;
  std::string slot;  // the temporary slot's name is derived from it
  uint64_t part_max_bytes = 64 << 20;
  // A larger table is copied in ranges of this many bytes, so that several connections share it.
  uint64_t range_bytes = uint64_t{1} << 30;
  SegmentOptions segment;
  int connections = 2;
  Metrics* metrics = nullptr;  // told of the progress; not owned
};

// Publishes the parts and the manifest; returns the definition in it. kCancelled when a stop is
// requested.
Result<DescribedTables> TakeBaseSnapshot(const SnapshotOptions& options, const Source& source,
                                         Store* store, Appender* appender);

// Publishes the rows of the tables of `oids`; those that are not published any more are not in the
// result. May be called beside the appender's other use, one call at a time. A stop breaks it off.
Result<TablesAt> TakeTableSnapshot(const SnapshotOptions& options, const Source& source,
                                   const std::unordered_set<uint32_t>& oids, Store* store,
                                   const Appender& appender, const std::stop_token& stop);

}  // namespace trunkline
