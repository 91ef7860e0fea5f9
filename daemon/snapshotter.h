// Snapshotter: takes a base snapshot, all rows of the published tables at one LSN.
//
// The rows come from the snapshot that a temporary slot exports at its starting point S: it sees
// exactly the transactions whose commit record begins before S. A crash leaves parts without a
// manifest, which do not count; the next start removes them and takes another snapshot.
#pragma once

#include <cstdint>
#include <string>

#include "archive/appender.h"
#include "archive/segment_writer.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_query.h"
#include "daemon/source.h"

namespace trunkline {

struct SnapshotOptions {
  std::string conninfo;
  std::string publication;
  std::string slot;  // the temporary slot's name is derived from it
  uint64_t part_max_bytes = 64 << 20;
  SegmentOptions segment;
  int connections = 2;
};

// Publishes the parts and the manifest; returns the definition in it. kCancelled when a stop is
// requested.
Result<DescribedTables> TakeSnapshot(const SnapshotOptions& options, const Source& source,
                                     Appender* appender);

}  // namespace trunkline
