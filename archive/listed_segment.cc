#include "archive/listed_segment.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "archive/catalog.h"

namespace trunkline {
namespace {

constexpr std::string_view kRestoreHint = "restore it from a copy of the archive";
// Of a base snapshot's manifest, and of a table's.
constexpr std::string_view kManifestEnd = "complete";

bool StandsFor(const SegmentEntry& entry, const SegmentEntry& gone) {
  return entry.name != gone.name && entry.begin <= gone.begin && gone.end <= entry.end;
}

// What has become of a segment that is not there any more; nothing where that does not show.
std::optional<std::string> FateOfSegment(const SegmentEntry& gone, const Catalog& now) {
  if (now.retained && StandsFor(*now.retained, gone)) return "was removed by trunkline retain";
  for (const SegmentEntry& entry : now.segments) {
    if (entry.merged && StandsFor(entry, gone)) return "was merged into " + entry.name;
  }
  return std::nullopt;
}

bool HasParts(const std::string& manifest) {
  return manifest.ends_with(kManifestEnd) || manifest.ends_with(".pages");
}

// Whether a manifest among `present` calls for `name`, a part of a snapshot or a folder's
// definition. Manifests that are gone by now call for nothing.
Result<bool> IsCalledFor(const Store& store, const std::string& name,
                         const std::vector<ObjectInfo>& present) {
  const std::string folder = name.substr(0, name.rfind('/') + 1);
  const bool definition = name == SnapshotDefinitionName(SnapshotLsnOf(name).value_or(Lsn{}));
  for (const ObjectInfo& object : present) {
    if (!SnapshotLsnOf(object.name) || !HasParts(object.name)) continue;
    const Result<std::unique_ptr<SegmentReader>> reader = OpenSegment(store, object.name);
    if (!reader && reader.error().kind == ErrorKind::kNotFound) continue;
    TRY(reader);
    for (const SnapshotPart& part : (*reader)->header().parts) {
      if (definition ? part.name.starts_with(folder) : part.name == name) return true;
    }
  }
  return false;
}

// An object of a snapshot. What a listing named is gone where the next one does not name it; what a
// manifest lists has to be there for as long as that manifest is.
Result<std::optional<std::string>> FateOfSnapshot(const Store& store, const std::string& name,
                                                  const std::vector<ObjectInfo>& present) {
  using Fate = std::optional<std::string>;
  const bool there = std::any_of(present.begin(), present.end(),
                                 [&](const ObjectInfo& object) { return object.name == name; });
  if (there) return Fate();
  if (!HasParts(name)) {
    ASSIGN_OR_RETURN(const bool called_for, IsCalledFor(store, name, present));
    if (called_for) return Fate();
  }
  return Fate("was removed with its snapshot");
}

Result<std::optional<std::string>> FateOf(const Store& store, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> present, store.List(""));
  if (SnapshotLsnOf(name)) return FateOfSnapshot(store, name, present);
  const Catalog gone = CatalogOf({{name, 0}});
  if (gone.segments.empty()) return std::optional<std::string>();
  return FateOfSegment(gone.segments.front(), CatalogOf(std::move(present)));
}

// What became of an object that is not there any more.
Error Gone(const Store& store, const std::string& name) {
  const Result<std::optional<std::string>> fate = FateOf(store, name);
  if (!fate) return fate.error();
  if (*fate) {
    return Error{ErrorKind::kConflict, name + " " + **fate + " meanwhile",
                 std::string(kListAgainHint)};
  }
  return Error{ErrorKind::kCorrupt, "the archive has lost its object " + name,
               std::string(kRestoreHint)};
}

// Where an object can vanish while it is being read (S3), tells why as where it is opened.
class ListedSource final : public ByteSource {
 public:
  ListedSource(const Store& store, std::string name, std::unique_ptr<ByteSource> source)
      : store_(store), name_(std::move(name)), source_(std::move(source)) {}

  uint64_t size() const override { return source_->size(); }
  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    Result<void> read = source_->Read(offset, buffer, length);
    if (read || read.error().kind != ErrorKind::kNotFound) return read;
    return Fail(Gone(store_, name_));
  }

 private:
  const Store& store_;
  const std::string name_;
  const std::unique_ptr<ByteSource> source_;
};

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
  Result<std::unique_ptr<ByteSource>> source = store.Open(name);
  if (!source && source.error().kind == ErrorKind::kNotFound) return Fail(Gone(store, name));
  TRY(source);
  Result<std::unique_ptr<SegmentReader>> reader =
      OpenSegment(std::make_unique<ListedSource>(store, name, *std::move(source)), name);
  if (reader && !HasItsName(**reader)) {
    return Fail(ErrorKind::kCorrupt, name + " holds another object than its name says",
                std::string(kRestoreHint));
  }
  return reader;
}

}  // namespace trunkline
