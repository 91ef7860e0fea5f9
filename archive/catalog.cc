#include "archive/catalog.h"

#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "archive/tiling.h"
#include "base/percent.h"

namespace trunkline {
namespace {

constexpr std::string_view kManifestName = "complete";
constexpr std::string_view kDefinitionName = "definition";
constexpr std::string_view kTableSuffix = ".complete";
constexpr std::string_view kPagesSuffix = ".pages";
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kGapSuffix = ".gap.seg";
constexpr std::string_view kMergedSuffix = ".merged.seg";
constexpr std::string_view kRetainedSuffix = ".retained.seg";
// A listing in which a hole shows is made anew so often before that counts.
constexpr int kListings = 3;
constexpr size_t kLsnDigits = 16;
// Two of these, a part's number and the suffix stay below the 255 bytes of a file's name.
constexpr size_t kMaxEncodedBytes = 110;
constexpr size_t kHashBytes = 8;

std::string ShortenedName(std::string_view name) {
  std::string encoded = PercentEncode(name);
  if (encoded.size() <= kMaxEncodedBytes) return encoded;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest);
  encoded.resize(kMaxEncodedBytes - 2 * kHashBytes - 1);
  encoded += '~';
  for (size_t i = 0; i < kHashBytes; ++i) {
    encoded += "0123456789ABCDEF"[digest[i] >> 4];
    encoded += "0123456789ABCDEF"[digest[i] & 15];
  }
  return encoded;
}

bool ConsumePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool ConsumeSuffix(std::string_view* text, std::string_view suffix) {
  if (!text->ends_with(suffix)) return false;
  text->remove_suffix(suffix.size());
  return true;
}

std::optional<Lsn> ConsumeLsn(std::string_view* text) {
  if (text->size() < kLsnDigits) return std::nullopt;
  const Result<Lsn> lsn = Lsn::FromHex16(text->substr(0, kLsnDigits));
  if (!lsn) return std::nullopt;
  text->remove_prefix(kLsnDigits);
  return *lsn;
}

std::optional<SegmentEntry> ParseSegmentName(const ObjectInfo& object) {
  std::string_view rest = object.name;
  SegmentEntry entry;
  if (!ConsumePrefix(&rest, kSegmentPrefix)) return std::nullopt;
  entry.gap = ConsumeSuffix(&rest, kGapSuffix);
  entry.merged = !entry.gap && ConsumeSuffix(&rest, kMergedSuffix);
  entry.retained = !entry.gap && !entry.merged && ConsumeSuffix(&rest, kRetainedSuffix);
  const bool plain = !entry.gap && !entry.merged && !entry.retained;
  if (plain && !ConsumeSuffix(&rest, kSegmentSuffix)) return std::nullopt;
  const std::optional<Lsn> begin = ConsumeLsn(&rest);
  if (!begin || !ConsumePrefix(&rest, "-")) return std::nullopt;
  const std::optional<Lsn> end = ConsumeLsn(&rest);
  if (!end || !rest.empty() || *begin >= *end) return std::nullopt;
  entry.name = object.name;
  entry.begin = *begin;
  entry.end = *end;
  entry.size = object.size;
  return entry;
}

bool IsEncodedName(std::string_view text) {
  const size_t tilde = text.find('~');
  if (tilde != std::string_view::npos) {
    const std::string_view hash = text.substr(tilde + 1);
    return text.size() == kMaxEncodedBytes && hash.size() == 2 * kHashBytes &&
           hash.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
  }
  const Result<std::string> name = PercentDecode(text);
  return name && PercentEncode(*name) == text;
}

bool IsPartNumber(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(number) == text;
}

// "<schema>.<table>"
bool IsTableName(std::string_view text) {
  const size_t dot = text.find('.');
  return dot != std::string_view::npos && IsEncodedName(text.substr(0, dot)) &&
         IsEncodedName(text.substr(dot + 1));
}

// The table of "<schema>.<table>.<number><suffix>"; empty for another name.
std::string_view TableOfNumbered(std::string_view text, std::string_view suffix) {
  if (!ConsumeSuffix(&text, suffix)) return {};
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || !IsPartNumber(text.substr(dot + 1))) return {};
  text = text.substr(0, dot);
  return IsTableName(text) ? text : std::string_view();
}

// "snapshots/<lsn>/"
std::string SnapshotFolder(Lsn lsn) { return std::string(kSnapshotsPrefix) + lsn.ToHex16() + "/"; }

// Adds the object to its snapshot; false when its name is no snapshot's.
bool AddToSnapshot(const ObjectInfo& object, std::map<Lsn, SnapshotEntry>* snapshots) {
  std::string_view rest = object.name;
  if (!ConsumePrefix(&rest, kSnapshotsPrefix)) return false;
  const std::optional<Lsn> lsn = ConsumeLsn(&rest);
  if (!lsn || !ConsumePrefix(&rest, "/")) return false;
  SnapshotEntry entry;
  if (rest == kManifestName) {
    entry.complete = true;
  } else if (rest == kDefinitionName) {
    entry.has_definition = true;
  } else if (!TableOfNumbered(rest, kSegmentSuffix).empty()) {
    entry.parts.push_back(object);
  } else if (!TableOfNumbered(rest, kPagesSuffix).empty()) {
    entry.pages.push_back(object);
  } else if (ConsumeSuffix(&rest, kTableSuffix) && IsTableName(rest)) {
    entry.tables.push_back(object);
  } else {
    return false;
  }
  SnapshotEntry& snapshot = (*snapshots)[*lsn];
  snapshot.lsn = *lsn;
  snapshot.complete |= entry.complete;
  if (entry.complete) snapshot.manifest_size = object.size;
  snapshot.has_definition |= entry.has_definition;
  if (entry.has_definition) snapshot.definition_size = object.size;
  snapshot.tables.insert(snapshot.tables.end(), entry.tables.begin(), entry.tables.end());
  snapshot.parts.insert(snapshot.parts.end(), entry.parts.begin(), entry.parts.end());
  snapshot.pages.insert(snapshot.pages.end(), entry.pages.begin(), entry.pages.end());
  snapshot.size += object.size;
  return true;
}

std::string RangeObjectName(Lsn begin, Lsn end, std::string_view suffix) {
  return std::string(kSegmentPrefix) + begin.ToHex16() + "-" + end.ToHex16() + std::string(suffix);
}

// The retained segment, if any, is taken out of the tiling.
void TakeSegments(Tiling tiling, Catalog* catalog) {
  catalog->superseded = std::move(tiling.superseded);
  for (SegmentEntry& entry : tiling.chosen) {
    if (entry.retained && !catalog->retained && catalog->segments.empty()) {
      catalog->retained = std::move(entry);
    } else {
      catalog->segments.push_back(std::move(entry));
    }
  }
}

// Nothing leads from a snapshot that is before what was retained.
void TakeSnapshots(std::map<Lsn, SnapshotEntry> snapshots, Catalog* catalog) {
  const Lsn first = catalog->retained ? catalog->retained->end : Lsn{};
  std::vector<SnapshotEntry> superseded;
  for (auto& [lsn, snapshot] : snapshots) {
    (lsn >= first ? catalog->snapshots : superseded).push_back(std::move(snapshot));
  }
  catalog->superseded_snapshots = InOrderOfRemoval(superseded);
}

bool HasHole(const Catalog& catalog) {
  Lsn reached = catalog.retained ? catalog.retained->end : Lsn{};
  for (const SegmentEntry& segment : catalog.segments) {
    if (reached.valid() && segment.begin > reached) return true;
    reached = std::max(reached, segment.end);
  }
  return false;
}

std::string Range(Lsn begin, Lsn end) { return begin.ToString() + " to " + end.ToString(); }

}  // namespace

std::string SegmentPrefix(Lsn begin) { return std::string(kSegmentPrefix) + begin.ToHex16() + "-"; }

std::string SegmentObjectName(Lsn begin, Lsn end) {
  return RangeObjectName(begin, end, kSegmentSuffix);
}

std::string GapObjectName(Lsn begin, Lsn end) { return RangeObjectName(begin, end, kGapSuffix); }

std::string MergedObjectName(Lsn begin, Lsn end) {
  return RangeObjectName(begin, end, kMergedSuffix);
}

std::string RetainedObjectName(Lsn begin, Lsn end) {
  return RangeObjectName(begin, end, kRetainedSuffix);
}

std::string SnapshotPartName(Lsn lsn, std::string_view schema, std::string_view table,
                             uint32_t part) {
  return SnapshotFolder(lsn) + ShortenedName(schema) + "." + ShortenedName(table) + "." +
         std::to_string(part) + std::string(kSegmentSuffix);
}

std::string TableManifestName(Lsn lsn, std::string_view schema, std::string_view table) {
  return SnapshotFolder(lsn) + ShortenedName(schema) + "." + ShortenedName(table) +
         std::string(kTableSuffix);
}

std::string PagesManifestName(Lsn lsn, std::string_view schema, std::string_view table,
                              uint64_t page) {
  return SnapshotFolder(lsn) + ShortenedName(schema) + "." + ShortenedName(table) + "." +
         std::to_string(page) + std::string(kPagesSuffix);
}

std::string SnapshotDefinitionName(Lsn lsn) {
  return SnapshotFolder(lsn) + std::string(kDefinitionName);
}

std::string SnapshotManifestName(Lsn lsn) {
  return SnapshotFolder(lsn) + std::string(kManifestName);
}

std::optional<Lsn> SnapshotLsnOf(std::string_view name) {
  if (!ConsumePrefix(&name, kSnapshotsPrefix)) return std::nullopt;
  return ConsumeLsn(&name);
}

bool SnapshotEntry::HasManifestOf(std::string_view table) const {
  const std::string name = SnapshotFolder(lsn) + std::string(table) + std::string(kTableSuffix);
  return std::any_of(tables.begin(), tables.end(),
                     [&](const ObjectInfo& object) { return object.name == name; });
}

std::vector<ObjectInfo> SnapshotEntry::Manifests() const {
  std::vector<ObjectInfo> objects;
  if (complete) objects.push_back({SnapshotManifestName(lsn), manifest_size});
  objects.insert(objects.end(), tables.begin(), tables.end());
  objects.insert(objects.end(), pages.begin(), pages.end());
  return objects;
}

std::vector<ObjectInfo> InOrderOfRemoval(const std::vector<SnapshotEntry>& snapshots) {
  std::vector<ObjectInfo> objects;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const std::vector<ObjectInfo> manifests = snapshot->Manifests();
    objects.insert(objects.end(), manifests.begin(), manifests.end());
  }
  for (const SnapshotEntry& snapshot : snapshots) {
    objects.insert(objects.end(), snapshot.parts.begin(), snapshot.parts.end());
    if (!snapshot.has_definition) continue;
    objects.push_back({SnapshotDefinitionName(snapshot.lsn), snapshot.definition_size});
  }
  return objects;
}

std::vector<ObjectInfo> SnapshotEntry::LooseParts() const {
  std::vector<ObjectInfo> loose;
  const size_t folder = SnapshotFolder(lsn).size();
  for (const ObjectInfo& part : parts) {
    const auto table = TableOfNumbered(std::string_view(part.name).substr(folder), kSegmentSuffix);
    if (!HasManifestOf(table)) loose.push_back(part);
  }
  return loose;
}

std::vector<ObjectInfo> SnapshotEntry::NeedlessPages() const {
  std::vector<ObjectInfo> needless;
  const size_t folder = SnapshotFolder(lsn).size();
  for (const ObjectInfo& object : pages) {
    const auto table = TableOfNumbered(std::string_view(object.name).substr(folder), kPagesSuffix);
    if (complete || HasManifestOf(table)) needless.push_back(object);
  }
  return needless;
}

Catalog CatalogOf(std::vector<ObjectInfo> objects) {
  Catalog catalog;
  std::vector<SegmentEntry> segments;
  std::map<Lsn, SnapshotEntry> snapshots;
  for (ObjectInfo& object : objects) {
    if (object.name == kIdentityObject) continue;
    if (std::optional<SegmentEntry> segment = ParseSegmentName(object)) {
      segments.push_back(std::move(*segment));
    } else if (!AddToSnapshot(object, &snapshots)) {
      catalog.foreign.push_back(std::move(object.name));
    }
  }
  TakeSegments(ChooseTiling(std::move(segments)), &catalog);
  TakeSnapshots(std::move(snapshots), &catalog);
  return catalog;
}

Result<Catalog> LoadCatalog(const Store& store) {
  Result<Identity> identity = ReadIdentity(store);
  if (!identity && identity.error().kind != ErrorKind::kNotFound) {
    return Fail(std::move(identity).error());
  }
  Catalog catalog;
  for (int listing = 0; listing < kListings; ++listing) {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(""));
    catalog = CatalogOf(std::move(objects));
    if (!HasHole(catalog)) break;
  }
  if (!identity && (!catalog.segments.empty() || !catalog.snapshots.empty())) {
    return Fail(ErrorKind::kCorrupt, "the archive at " + store.url() + " has lost its identity",
                "restore the object \"identity\" from a copy of the archive");
  }
  if (!identity) return Fail(std::move(identity).error());
  catalog.identity = std::move(*identity);
  return catalog;
}

Result<std::unique_ptr<SegmentReader>> OpenSegment(const Store& store, std::string_view name) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, store.Open(name));
  return OpenSegment(std::move(source), name);
}

Result<std::unique_ptr<SegmentReader>> OpenSegment(std::unique_ptr<ByteSource> source,
                                                   std::string_view name) {
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentReader> reader,
                   SegmentReader::Open(std::move(source), std::string(name)));
  // A sound segment in another one's place would change the order of history.
  const std::optional<SegmentEntry> entry = ParseSegmentName({std::string(name), 0});
  const SegmentHeader& header = reader->header();
  if (entry && (header.begin != entry->begin || header.end != entry->end)) {
    return Fail(
        ErrorKind::kCorrupt,
        std::string(name) + ": its header says that it is " + Range(header.begin, header.end),
        "restore the segment from a copy");
  }
  return reader;
}

}  // namespace trunkline
