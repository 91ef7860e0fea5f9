// What a segment is; docs/segment_format.md specifies its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "base/timestamp.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

enum class SegmentKind : uint8_t {
  kChanges = 1,     // the transactions with begin < end_lsn <= end
  kSnapshot = 2,    // rows of one table at `end` (== begin), as one transaction of inserts
  kManifest = 3,    // completes the base snapshot at `end` (== begin): its parts and one definition
  kGap = 4,         // the source lost what was between begin and end
  kTable = 5,       // completes the snapshot of one table at `end` (== begin): its parts
  kDefinition = 6,  // one definition, as of `end` (== begin), of tables with a snapshot there
  kPages = 7,       // a range of a table's pages is copied as of `end` (== begin): its parts
  kRetained = 8,    // what was between begin and end was removed on purpose
};

// A part of a snapshot, as its manifest lists it.
struct SnapshotPart {
  std::string name;  // object name within the archive
  std::string digest;
  uint64_t rows = 0;
  Relation relation;

  friend bool operator==(const SnapshotPart&, const SnapshotPart&) = default;
};

// A range of a table's pages that is copied while the rest of the table is not: what a later
// snapshot needs in order to copy just what it lacks.
struct CopiedPages {
  uint64_t begin = 0;
  uint64_t end = 0;            // exclusive; 0: the table's last page, wherever that is
  uint32_t file_node = 0;      // pg_class.relfilenode: rows stay in their places while it does
  uint64_t snapshot_xmin = 0;  // pg_snapshot_xmin: the copy has what any earlier transaction did

  friend bool operator==(const CopiedPages&, const CopiedPages&) = default;
};

// A segment that another one stands for. It began where the one before it ended.
struct ReplacedSegment {
  Lsn end;
  std::string digest;

  friend bool operator==(const ReplacedSegment&, const ReplacedSegment&) = default;
};

// What there is to know of history that was removed, so that what is asked by time finds the same
// as before, or nothing.
struct RemovedHistory {
  struct Commits {
    Timestamp latest;  // of all the transactions, by time
    Timestamp last;    // by order

    friend bool operator==(const Commits&, const Commits&) = default;
  };
  std::optional<Commits> commits;  // none where there was no transaction
  bool ends_with_gap = false;      // no transaction comes between a gap and the end

  friend bool operator==(const RemovedHistory&, const RemovedHistory&) = default;
};

struct SegmentHeader {
  SegmentKind kind = SegmentKind::kChanges;
  Lsn begin;                    // exclusive
  Lsn end;                      // inclusive
  std::string identity_digest;  // SHA-256 of the archive's identity object, 32 bytes
  std::string previous_digest;  // of the segment before this one; empty for the first, and for
                                // snapshots, which no chain holds
  // What may change in a source's life.
  uint32_t timeline = 0;
  uint32_t server_version = 0;      // PQserverVersion, for example 150018
  std::string gap_reason;           // kGap
  std::vector<SnapshotPart> parts;  // kManifest, kTable, kPages
  // kDefinition: what has to be the same at a later time for a table to be still published just as
  // it was.
  std::string publication_state;
  std::optional<CopiedPages> pages;  // kPages
  // kChanges: the segments that were merged into this one, which together are its range; none in a
  // segment as a daemon writes it. kRetained: the last one of those removed.
  std::vector<ReplacedSegment> replaced;
  std::optional<RemovedHistory> removed;  // kRetained

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

// How often a relation is changed in a block, and where its keys lie.
struct BlockRelationStats {
  uint32_t relation_index = 0;  // into SegmentReader::relations()
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t truncates = 0;
  // Range of the first replica identity column, over old and new tuples, when every value of it in
  // the block is an integer; else has_key_range is false.
  bool has_key_range = false;
  int64_t key_min = 0;
  int64_t key_max = 0;
  // Of the values of its rows. The footer does not keep it: 0 where the block was read.
  uint64_t raw_bytes = 0;
};

// A block's entry in the footer.
struct BlockStats {
  uint64_t offset = 0;
  uint64_t size = 0;      // bytes in the segment
  uint64_t raw_size = 0;  // bytes of the values it decodes to
  uint64_t checksum = 0;  // XXH3-64 of the block's bytes
  uint64_t changes = 0;
  uint64_t transactions = 0;  // that end in the block
  // Over the transactions that have a slice in the block. Times are not in LSN order; a transaction
  // with xid 0 has none, and where the block holds no other both are 0.
  Lsn commit_lsn_min;
  Lsn commit_lsn_max;
  Timestamp commit_time_min;
  Timestamp commit_time_max;
  bool has_messages = false;  // messages, definitions or raw messages
  std::vector<BlockRelationStats> relations;
};

// What changes of one table there are in a segment that was written.
struct TableTotals {
  std::string schema;
  std::string name;
  uint64_t changes = 0;    // rows, and truncates
  uint64_t raw_bytes = 0;  // of the values

  friend bool operator==(const TableTotals&, const TableTotals&) = default;
};

inline constexpr size_t kDigestBytes = 32;

}  // namespace trunkline
