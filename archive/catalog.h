// Catalog: what an archive holds, from one listing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "archive/identity.h"
#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// What the names of all segments start with, and of those that begin at an LSN.
inline constexpr std::string_view kSegmentPrefix = "changes/";
std::string SegmentPrefix(Lsn begin);
// "changes/<begin>-<end>.seg"
std::string SegmentObjectName(Lsn begin, Lsn end);
// "changes/<begin>-<end>.gap.seg", so that a listing alone shows a gap.
std::string GapObjectName(Lsn begin, Lsn end);
// "snapshots/<lsn>/<schema>.<table>.<part>.seg"; part counts from 0. Names are percent-encoded; one
// too long for a file's name ends in '~' and 16 hex digits of its SHA-256.
std::string SnapshotPartName(Lsn lsn, std::string_view schema, std::string_view table,
                             uint32_t part);
// "snapshots/<lsn>/complete"
std::string SnapshotManifestName(Lsn lsn);

struct SegmentEntry {
  std::string name;
  Lsn begin;
  Lsn end;
  uint64_t size = 0;
  bool gap = false;  // SegmentKind::kGap
};

struct SnapshotEntry {
  Lsn lsn;
  bool complete = false;  // its manifest is there
  std::vector<ObjectInfo> parts;
  uint64_t size = 0;  // bytes of all parts and the manifest
};

struct Catalog {
  Identity identity;
  std::vector<SegmentEntry> segments;    // by begin, then end
  std::vector<SnapshotEntry> snapshots;  // by LSN, incomplete ones too
  std::vector<std::string> foreign;      // names that are no part of an archive

  // The end of the last segment, or the LSN of the newest complete snapshot where that is later, or
  // Lsn{} when the archive holds neither.
  Lsn end() const;
  // The newest complete snapshot at or before `lsn`; null when there is none.
  const SnapshotEntry* SnapshotAtOrBefore(Lsn lsn) const;
};

// kNotFound when `store` holds no archive; kCorrupt when it holds one without its identity.
Result<Catalog> LoadCatalog(const Store& store);

// The catalog of a listing, by name order, with no identity.
Catalog CatalogOf(std::vector<ObjectInfo> objects);

// The segments that lead from `from` to `to`: consecutive, the first begins at or before `from`,
// the last ends at or after `to`; none when `to` is at or before `from`. kGap, naming the bounds,
// when one is missing or the source lost what was there; kCorrupt when two overlap.
Result<std::vector<SegmentEntry>> SegmentsBetween(const Catalog& catalog, Lsn from, Lsn to);

// kCorrupt when the segment is of another range than its name says.
Result<std::unique_ptr<SegmentReader>> OpenSegment(const Store& store, std::string_view name);

}  // namespace trunkline
