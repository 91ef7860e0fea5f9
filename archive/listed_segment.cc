#include "archive/listed_segment.h"

#include "archive/catalog.h"

namespace trunkline {
namespace {

constexpr std::string_view kRestoreHint = "restore it from a copy of the archive";

bool HasItsName(const SegmentReader& reader) {
  const SegmentHeader& header = reader.header();
  switch (header.kind) {
    case SegmentKind::kChanges:
      return reader.name() == SegmentObjectName(header.begin, header.end);
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
  if (!reader && reader.error().kind == ErrorKind::kNotFound) {
    return Fail(ErrorKind::kCorrupt, "the archive has lost its object " + name,
                std::string(kRestoreHint));
  }
  if (reader && !HasItsName(**reader)) {
    return Fail(ErrorKind::kCorrupt, name + " holds another object than its name says",
                std::string(kRestoreHint));
  }
  return reader;
}

}  // namespace trunkline
