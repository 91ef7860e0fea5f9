// Catalog: what an archive holds, from one listing.
#pragma once

#include <memory>
#include <optional>
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
// And those of all objects of snapshots.
inline constexpr std::string_view kSnapshotsPrefix = "snapshots/";
std::string SegmentPrefix(Lsn begin);
// "changes/<begin>-<end>.seg"
std::string SegmentObjectName(Lsn begin, Lsn end);
// "changes/<begin>-<end>.gap.seg", so that a listing alone shows a gap.
std::string GapObjectName(Lsn begin, Lsn end);
// "changes/<begin>-<end>.merged.seg": stands for the segments of its range.
std::string MergedObjectName(Lsn begin, Lsn end);
// "changes/<begin>-<end>.retained.seg": stands for those that were removed.
std::string RetainedObjectName(Lsn begin, Lsn end);
// "snapshots/<lsn>/<schema>.<table>.<part>.seg"; part counts from 0. Names are percent-encoded; one
// too long for a file's name ends in '~' and 16 hex digits of its SHA-256.
std::string SnapshotPartName(Lsn lsn, std::string_view schema, std::string_view table,
                             uint32_t part);
// "snapshots/<lsn>/<schema>.<table>.complete", which completes the snapshot of one table.
std::string TableManifestName(Lsn lsn, std::string_view schema, std::string_view table);
// "snapshots/<lsn>/<schema>.<table>.<page>.pages", of a range of pages that begins with `page`.
std::string PagesManifestName(Lsn lsn, std::string_view schema, std::string_view table,
                              uint64_t page);
// "snapshots/<lsn>/definition"
std::string SnapshotDefinitionName(Lsn lsn);
// "snapshots/<lsn>/complete"
std::string SnapshotManifestName(Lsn lsn);
// The LSN in the name of an object of a snapshot.
std::optional<Lsn> SnapshotLsnOf(std::string_view name);

struct SegmentEntry {
  std::string name;
  Lsn begin;
  Lsn end;
  uint64_t size = 0;
  bool gap = false;       // SegmentKind::kGap
  bool merged = false;    // stands for others: SegmentHeader::replaced
  bool retained = false;  // SegmentKind::kRetained
};

// The objects of one snapshot's folder. A base snapshot is complete; its manifest may list parts in
// folders of earlier LSNs. Tables with a manifest of their own count by themselves.
struct SnapshotEntry {
  Lsn lsn;
  bool complete = false;           // its manifest is there
  bool has_definition = false;     // of its tables
  std::vector<ObjectInfo> tables;  // manifests of single tables
  std::vector<ObjectInfo> pages;   // manifests of ranges of pages: of tables half copied
  std::vector<ObjectInfo> parts;
  uint64_t manifest_size = 0;
  uint64_t definition_size = 0;
  uint64_t size = 0;  // bytes of all of these

  // Those that make others count: its manifest, and those of tables and pages.
  std::vector<ObjectInfo> Manifests() const;
  // Of tables that have no manifest in this folder.
  std::vector<ObjectInfo> LooseParts() const;
  // Manifests of pages that say no more than a manifest of the table or the snapshot does.
  std::vector<ObjectInfo> NeedlessPages() const;

 private:
  bool HasManifestOf(std::string_view table) const;
};

// All objects of `snapshots`, in the order in which to remove them: what makes others count first,
// over all folders, since a manifest may list parts in earlier ones.
std::vector<ObjectInfo> InOrderOfRemoval(const std::vector<SnapshotEntry>& snapshots);

struct Catalog {
  Identity identity;
  std::vector<SegmentEntry> segments;    // by begin, then end; gaps too, retained ones not
  std::vector<SnapshotEntry> snapshots;  // by LSN, whatever is in them
  std::vector<std::string> foreign;      // names that are no part of an archive
  // What was removed at the front on purpose.
  std::optional<SegmentEntry> retained;
  // What `segments` and `retained` stand for, and of snapshots what is before the end of
  // `retained`: on its way out.
  std::vector<SegmentEntry> superseded;
  std::vector<ObjectInfo> superseded_snapshots;

  // The end of the last segment, or the LSN of the newest complete base snapshot where that is
  // later, or Lsn{} when the archive holds neither.
  Lsn end() const;
  // From here on the archive holds every change: the last gap's end, or where the first segment
  // begins; Lsn{} while there is none.
  Lsn unbroken_from() const;
  // The newest complete base snapshot at or before `lsn`; null when there is none.
  const SnapshotEntry* SnapshotAtOrBefore(Lsn lsn) const;
};

// kNotFound when `store` holds no archive; kCorrupt when it holds one without its identity. Lists
// again where it finds a hole: a listing is not of one instant, and others merge and remove.
Result<Catalog> LoadCatalog(const Store& store);

// The catalog of a listing, by name order, with no identity.
Catalog CatalogOf(std::vector<ObjectInfo> objects);

// The segments that lead from `from` to `to`: consecutive, the first begins at or before `from`,
// the last ends at or after `to`; none when `to` is at or before `from`. kGap, naming the bounds,
// when one is missing or the source lost what was there; kNotFound when it was removed on purpose;
// kCorrupt when two overlap.
Result<std::vector<SegmentEntry>> SegmentsBetween(const Catalog& catalog, Lsn from, Lsn to);

// kCorrupt when the segment is of another range than its name says.
Result<std::unique_ptr<SegmentReader>> OpenSegment(const Store& store, std::string_view name);
Result<std::unique_ptr<SegmentReader>> OpenSegment(std::unique_ptr<ByteSource> source,
                                                   std::string_view name);

}  // namespace trunkline
