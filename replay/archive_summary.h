// ArchiveSummary: what an archive holds, from its listing and the footers of its segments. Decodes
// only the blocks of the first and the last transaction, those with messages, and one of each
// snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/catalog.h"
#include "archive/doubt_finder.h"
#include "archive/store.h"
#include "base/error.h"
#include "decoder/change.h"
#include "replay/archive_activity.h"

namespace trunkline {

// Changes of rows; a table truncated counts one.
struct TableCounts {
  uint64_t snapshot_rows = 0;  // of the newest complete snapshot
  uint64_t snapshot_bytes = 0;
  // Of its changes, compressed. Tables share a block, so this is reckoned from how many of the
  // block's changes are of each.
  uint64_t change_bytes = 0;
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t truncates = 0;
};

struct GapSummary {
  Lsn begin;
  Lsn end;
  std::string reason;
};

// A transactional logical message with the prefix "trunkline.restore_point".
struct RestorePoint {
  std::string name;
  TransactionInfo transaction;  // without its end LSN
};

// What the source was from an LSN on.
struct ServerRun {
  Lsn from;
  uint32_t timeline = 0;
  uint32_t server_version = 0;  // 150018
};

// What a rebuild of the archive's end reads behind the newest base snapshot. A block that lies
// across the snapshot's LSN counts whole.
struct Distance {
  Lsn snapshot;
  uint64_t segments = 0;
  uint64_t changes = 0;
  uint64_t bytes = 0;  // of the segments
  bool gap = false;    // or a hole lies between, so that the end cannot be rebuilt
};

// When a snapshot was taken: the time that its writer noted, and the commits around it.
struct SnapshotTimes {
  std::optional<Timestamp> noted;
  TimesAround commits;
};

struct ArchiveSummary {
  Catalog catalog;
  uint64_t bytes = 0;
  uint64_t segment_bytes = 0;
  uint64_t snapshot_bytes = 0;
  Lsn begin;  // of the first segment
  uint64_t transactions = 0;
  uint64_t changes = 0;
  std::optional<TransactionInfo> first;  // without their end LSN
  std::optional<TransactionInfo> last;
  std::map<std::pair<std::string, std::string>, TableCounts> tables;  // by schema and name
  std::vector<GapSummary> gaps;
  std::vector<DoubtInterval> doubts;  // where a table's rows cannot be told, or may not be
  std::vector<RestorePoint> restore_points;
  std::optional<Activity> over_span;
  std::optional<Activity> last_day;  // the 24 hours that end with the last commit
  std::vector<ServerRun> servers;
  std::optional<Distance> distance;             // none without a complete snapshot
  std::map<Lsn, SnapshotTimes> snapshot_times;  // of those snapshots that count
};

// `progress`, which may be null, gets the bytes of the segments looked at so far and in all.
Result<ArchiveSummary> SummarizeArchive(
    const Store& store, const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace trunkline
