#include "archive/listed_segment.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "archive/catalog.h"

namespace trunkline {
namespace {

constexpr std::string_view kRestoreHint = "restore it from a copy of the archive";
constexpr std::string_view kAgainHint = "run it again: it begins with what is there now";

bool StandsFor(const SegmentEntry& entry, const SegmentEntry& gone) {
  return entry.name != gone.name && entry.begin <= gone.begin && gone.end <= entry.end;
}

// What has become of an object that is not there any more, by what is there now; nothing where that
// does not tell.
std::optional<std::string> FateOf(const std::string& name, const Catalog& now) {
  const Catalog gone = CatalogOf({{name, 0}});
  for (const SegmentEntry& segment : gone.segments) {
    if (now.retained && StandsFor(*now.retained, segment)) return "was removed by trunkline retain";
    for (const SegmentEntry& entry : now.segments) {
      if (entry.merged && StandsFor(entry, segment)) return "was merged into " + entry.name;
    }
  }
  for (const SnapshotEntry& snapshot : gone.snapshots) {
    if (!now.retained) break;
    const bool still_there =
        std::any_of(now.snapshots.begin(), now.snapshots.end(),
                    [&](const SnapshotEntry& entry) { return entry.lsn == snapshot.lsn; });
    if (!still_there) return "was removed with its snapshot";
  }
  return std::nullopt;
}

Result<std::unique_ptr<SegmentReader>> Gone(const Store& store, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(""));
  if (const auto fate = FateOf(name, CatalogOf(std::move(objects)))) {
    return Fail(ErrorKind::kConflict, name + " " + *fate + " meanwhile", std::string(kAgainHint));
  }
  return Fail(ErrorKind::kCorrupt, "the archive has lost its object " + name,
              std::string(kRestoreHint));
}

bool HasItsName(const SegmentReader& reader) {
  const SegmentHeader& header = reader.header();
  switch (header.kind) {
    case SegmentKind::kChanges:
      return reader.name() == (header.replaced.empty()
                                   ? SegmentObjectName(header.begin, header.end)
                                   : MergedObjectName(header.begin, header.end));
    case SegmentKind::kRetained:
      return reader.name() == RetainedObjectName(header.begin, header.end);
    case SegmentKind::kGap:
      return reader.name() == GapObjectName(header.begin, header.end);
    case SegmentKind::kManifest:
      return reader.name() == SnapshotManifestName(header.end);
    case SegmentKind::kDefinition:
      return reader.name() == SnapshotDefinitionName(header.end);
    case SegmentKind::kTable: {
      if (header.parts.empty()) return false;
      const Relation& table = header.parts.front().relation;
      return reader.name() == TableManifestName(header.end, table.schema, table.name);
    }
    case SegmentKind::kPages: {
      if (header.parts.empty() || !header.pages) return false;
      const Relation& table = header.parts.front().relation;
      return reader.name() ==
             PagesManifestName(header.end, table.schema, table.name, header.pages->begin);
    }
    case SegmentKind::kSnapshot:
      break;
  }
  return SnapshotLsnOf(reader.name()) == header.end;
}

}  // namespace

Result<std::unique_ptr<SegmentReader>> OpenListed(const Store& store, const std::string& name) {
  Result<std::unique_ptr<SegmentReader>> reader = OpenSegment(store, name);
  if (!reader && reader.error().kind == ErrorKind::kNotFound) return Gone(store, name);
  if (reader && !HasItsName(**reader)) {
    return Fail(ErrorKind::kCorrupt, name + " holds another object than its name says",
                std::string(kRestoreHint));
  }
  return reader;
}

}  // namespace trunkline
