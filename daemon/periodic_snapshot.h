// A base snapshot beside capture: every published table copied at one LSN, as a table in doubt is,
// and a manifest of all on top.
#pragma once

#include <stop_token>

#include "archive/appender.h"
#include "archive/rebuild_start.h"
#include "archive/store.h"
#include "base/error.h"
#include "daemon/snapshotter.h"
#include "daemon/source.h"

namespace trunkline {

// May be called beside the appender's other use, but beside no other snapshot. A stop breaks it
// off; then, and after a crash at any point, the tables that were whole count as table snapshots,
// and the rest is removed by the next snapshot. kConflict where tables joined the publication
// meanwhile: the next attempt has them. No parts: nothing is published.
Result<TablesAt> TakePeriodicSnapshot(const SnapshotOptions& options, const Source& source,
                                      Store* store, const Appender& appender,
                                      const std::stop_token& stop);

}  // namespace trunkline
