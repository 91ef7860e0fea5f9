#include "archive/appender.h"

#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/manifest.h"
#include "base/check.h"
#include "base/fault.h"

namespace trunkline {
namespace {

tl::unexpected<Error> NotAnArchive(const Store& store) {
  return Fail(ErrorKind::kAlreadyExists, store.url() + " holds data that is not an archive",
              "name an empty or a new place");
}

const SegmentEntry* LastSegment(const Catalog& catalog) {
  const auto last =
      std::max_element(catalog.segments.begin(), catalog.segments.end(),
                       [](const SegmentEntry& a, const SegmentEntry& b) { return a.end < b.end; });
  return last == catalog.segments.end() ? nullptr : &*last;
}

// The one change of a manifest, as a transaction of its own.
Result<void> WriteDefinition(std::string_view definition, Lsn lsn, SegmentWriter* writer) {
  TransactionInfo transaction;
  transaction.commit_lsn = lsn;
  TRY(writer->Begin(transaction));
  Change change;
  change.operation = Operation::kDefinition;
  change.content = definition;
  TRY(writer->OnChange(change));
  transaction.end_lsn = lsn;
  return writer->Commit(transaction);
}

// Of a snapshot at `lsn`.
Lsn OldestPart(const std::vector<SnapshotPart>& parts, Lsn lsn) {
  Lsn oldest = lsn;
  for (const SnapshotPart& part : parts) {
    oldest = std::min(oldest, SnapshotLsnOf(part.name).value_or(oldest));
  }
  return oldest;
}

// The order in which threads finished is not part of the archive.
std::vector<SnapshotPart> Sorted(std::vector<SnapshotPart> parts) {
  std::sort(parts.begin(), parts.end(),
            [](const SnapshotPart& a, const SnapshotPart& b) { return a.name < b.name; });
  return parts;
}

}  // namespace

Appender::Appender(Store* store, const Identity& identity)
    : store_(store), identity_digest_(identity.Digest()) {}

Result<std::unique_ptr<Appender>> Appender::Open(Store* store, const Identity& identity) {
  Result<std::unique_ptr<Appender>> existing = OpenExisting(store, identity);
  if (existing || existing.error().kind != ErrorKind::kNotFound) return existing;
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store->List(""));
  if (!objects.empty()) return NotAnArchive(*store);
  TRY(PutObject(store, std::string(kIdentityObject), identity.Serialize()));
  return std::unique_ptr<Appender>(new Appender(store, identity));
}

Result<std::unique_ptr<Appender>> Appender::OpenExisting(Store* store, const Identity& identity) {
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  TRY(CheckSameSource(catalog.identity, identity));
  std::unique_ptr<Appender> appender(new Appender(store, identity));
  TRY(appender->Resume(catalog));
  return appender;
}

Result<void> Appender::Resume(const Catalog& catalog) {
  TRY(ResumeSnapshots(catalog));
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.gap) last_gap_end_ = std::max(last_gap_end_, segment.end);
  }
  if (!catalog.segments.empty()) begin_ = catalog.segments.front().begin;
  const SegmentEntry* last = LastSegment(catalog);
  if (last == nullptr) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(*store_, last->name));
  const SegmentHeader& header = reader->header();
  if (header.begin != last->begin || header.end != last->end ||
      header.identity_digest != identity_digest_) {
    return Fail(ErrorKind::kCorrupt, last->name + " is not the segment that its name says",
                "run trunkline verify; restore the segment from a copy of the archive");
  }
  end_ = last->end;
  last_name_ = last->name;
  timeline_ = header.timeline;
  last_digest_ = reader->chain_digest();
  CHECK(last_digest_.size() == kDigestBytes);
  return {};
}

Result<void> Appender::ResumeSnapshots(const Catalog& catalog) {
  newest_snapshot_ = Lsn();
  snapshot_reaches_back_to_ = Lsn();
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.complete) newest_snapshot_ = std::max(newest_snapshot_, snapshot.lsn);
  }
  if (!newest_snapshot_.valid()) return {};
  ASSIGN_OR_RETURN(const auto manifest,
                   OpenListed(*store_, SnapshotManifestName(newest_snapshot_)));
  snapshot_reaches_back_to_ = OldestPart(manifest->header().parts, newest_snapshot_);
  if (!end_.valid()) timeline_ = manifest->header().timeline;
  return {};
}

Lsn Appender::unbroken_from() const { return std::max(begin_, last_gap_end_); }

void Appender::set_begin(Lsn begin) {
  CHECK(!end_.valid() && pending_.empty() && begin.valid());
  begin_ = begin;
}

Lsn Appender::begin_of_next() const {
  if (has_pending()) return pending_.back()->header().end;
  return end_.valid() ? end_ : begin_;
}

SegmentHeader Appender::HeaderTo(Lsn end, SegmentKind kind, uint32_t timeline,
                                 uint32_t server_version) const {
  SegmentHeader header;
  header.kind = kind;
  header.begin = begin_of_next();
  header.end = end;
  header.identity_digest = identity_digest_;
  header.previous_digest = has_pending() ? pending_.back()->digest() : last_digest_;
  header.timeline = timeline;
  header.server_version = server_version;
  return header;
}

Result<void> Appender::AddSegment(SegmentWriter writer, Lsn end, uint32_t timeline,
                                  uint32_t server_version) {
  return Add(std::move(writer), HeaderTo(end, SegmentKind::kChanges, timeline, server_version));
}

Result<void> Appender::AppendSegment(SegmentWriter writer, Lsn end, uint32_t timeline,
                                     uint32_t server_version) {
  TRY(AddSegment(std::move(writer), end, timeline, server_version));
  return PublishPending();
}

Result<void> Appender::AppendGap(Lsn end, std::string reason, uint32_t timeline,
                                 uint32_t server_version) {
  SegmentHeader header = HeaderTo(end, SegmentKind::kGap, timeline, server_version);
  header.gap_reason = std::move(reason);
  TRY(Add(SegmentWriter(SegmentOptions{}), std::move(header)));
  return PublishPending();
}

Result<void> Appender::Add(SegmentWriter writer, SegmentHeader header) {
  CHECK(header.begin.valid() && header.begin < header.end);
  CHECK(end_.valid() == !last_digest_.empty());
  ASSIGN_OR_RETURN(std::unique_ptr<FinishedSegment> segment, writer.Finish(std::move(header)));
  CHECK(segment->digest().size() == kDigestBytes);
  pending_.push_back(std::move(segment));
  return {};
}

// The first one goes in only behind the archive's newest segment, each other one behind the one
// before it.
std::vector<NewObject> Appender::PendingObjects() const {
  std::vector<NewObject> objects;
  for (const std::unique_ptr<FinishedSegment>& segment : pending_) {
    const SegmentHeader& header = segment->header();
    const bool first_of_all = objects.empty() && !end_.valid();
    NewObject object{header.kind == SegmentKind::kGap ? GapObjectName(header.begin, header.end)
                                                      : SegmentObjectName(header.begin, header.end),
                     segment.get()};
    object.unique_prefix = first_of_all ? std::string(kSegmentPrefix) : SegmentPrefix(header.begin);
    if (!objects.empty()) {
      object.predecessor = objects.back().name;
    } else {
      object.predecessor = first_of_all ? std::string(kIdentityObject) : last_name_;
    }
    objects.push_back(std::move(object));
  }
  return objects;
}

Result<void> Appender::PublishPending() {
  if (!has_pending()) return {};
  FAULT("appender.publish");
  const std::vector<NewObject> objects = PendingObjects();
  Result<void> put = store_->Put(objects);
  bool overtaken = !put && put.error().kind == ErrorKind::kAlreadyExists;
  if (!put && put.error().kind == ErrorKind::kUnavailable) overtaken = IsOvertaken();
  if (overtaken) {
    Error conflict{
        ErrorKind::kConflict,
        "another daemon has archived what follows " + pending_.front()->header().begin.ToString(),
        "this one goes on from where the archive ends now"};
    pending_.clear();
    return Fail(std::move(conflict));
  }
  TRY(put);
  FAULT("appender.published");
  const FinishedSegment& last = *pending_.back();
  end_ = last.header().end;
  last_name_ = objects.back().name;
  timeline_ = last.header().timeline;
  last_digest_ = last.digest();
  if (last.header().kind == SegmentKind::kGap) last_gap_end_ = last.header().end;
  last_appended_.clear();
  for (const std::unique_ptr<FinishedSegment>& segment : pending_) {
    last_appended_.push_back({.kind = segment->header().kind,
                              .begin = segment->header().begin,
                              .end = segment->header().end,
                              .bytes = segment->size(),
                              .transactions = segment->transactions(),
                              .changes = segment->changes(),
                              .tables = segment->tables()});
  }
  pending_.clear();
  return {};
}

// Whether the archive goes on behind end(), and what stood there, or what came next, was merged or
// removed since: a Put whose answer was lost has happened, or another writer was first.
bool Appender::IsOvertaken() const {
  Result<std::vector<ObjectInfo>> objects = store_->List(kSegmentPrefix);
  if (!objects) return false;
  const bool predecessor_is_there =
      !end_.valid() || std::any_of(objects->begin(), objects->end(), [this](const auto& object) {
        return object.name == last_name_;
      });
  const Catalog now = CatalogOf(*std::move(objects));
  if (now.segments.empty() || now.end() <= end_) return false;
  return !predecessor_is_there ||
         std::any_of(now.segments.begin(), now.segments.end(), [this](const SegmentEntry& entry) {
           return entry.merged && entry.end > end_;
         });
}

SegmentHeader Appender::SnapshotHeader(SegmentKind kind, Lsn lsn, uint32_t timeline,
                                       uint32_t server_version) const {
  CHECK(lsn.valid());
  SegmentHeader header;
  header.kind = kind;
  header.begin = lsn;
  header.end = lsn;
  header.identity_digest = identity_digest_;
  header.timeline = timeline;
  header.server_version = server_version;
  return header;
}

Result<void> Appender::PutSnapshotDefinition(Lsn lsn, std::string_view document,
                                             std::string publication_state, uint32_t timeline,
                                             uint32_t server_version) const {
  SegmentHeader header = SnapshotHeader(SegmentKind::kDefinition, lsn, timeline, server_version);
  header.publication_state = std::move(publication_state);
  SegmentWriter writer{SegmentOptions{}};
  TRY(WriteDefinition(document, lsn, &writer));
  ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> definition,
                   writer.Finish(std::move(header)));
  const NewObject object{SnapshotDefinitionName(lsn), definition.get(),
                         std::string(kIdentityObject)};
  FAULT("snapshot.definition");
  return store_->Put({&object, 1});
}

Result<SnapshotPart> Appender::PutSnapshotPart(SegmentWriter writer, Lsn lsn,
                                               const Relation& relation, uint32_t part) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> segment,
                   writer.Finish(SnapshotHeader(SegmentKind::kSnapshot, lsn, 0, 0)));
  const NewObject object{SnapshotPartName(lsn, relation.schema, relation.name, part), segment.get(),
                         std::string(kIdentityObject)};
  FAULT("snapshot.part");
  TRY(store_->Put({&object, 1}));
  return SnapshotPart{object.name, segment->digest(), segment->changes(), relation};
}

Result<bool> Appender::HasAllParts(Lsn lsn, const std::vector<SnapshotPart>& parts) const {
  // Few are asked for one by one: a listing may be long.
  constexpr size_t kFewParts = 16;
  const Lsn oldest = OldestPart(parts, lsn);
  if (parts.size() <= kFewParts && oldest == lsn) {
    for (const SnapshotPart& part : parts) {
      const Result<std::unique_ptr<ByteSource>> there = store_->Open(part.name);
      if (!there && there.error().kind == ErrorKind::kNotFound) return false;
      TRY(there);
    }
    return true;
  }
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_->List(kSnapshotsPrefix));
  std::unordered_set<std::string> present;
  for (const ObjectInfo& object : objects) present.insert(object.name);
  const Catalog catalog = CatalogOf(std::move(objects));
  const auto is_in_the_way = [&](const SnapshotEntry& snapshot) {
    return snapshot.complete && snapshot.lsn > oldest && snapshot.lsn != lsn;
  };
  const bool in_the_way = oldest < lsn && std::any_of(catalog.snapshots.begin(),
                                                      catalog.snapshots.end(), is_in_the_way);
  return !in_the_way && std::all_of(parts.begin(), parts.end(), [&](const SnapshotPart& part) {
    return present.contains(part.name);
  });
}

// Others may have removed parts: a daemon, which takes them for what a crash has left, or a
// retention, for which a later base snapshot is enough. They look for manifests before and after
// they remove something, we for the parts behind the manifest, so that one sees the other.
Result<void> Appender::PutManifest(const NewObject& object, Lsn lsn,
                                   const std::vector<SnapshotPart>& parts) const {
  TRY(store_->Put({&object, 1}));
  ASSIGN_OR_RETURN(const bool whole, HasAllParts(lsn, parts));
  if (whole) return {};
  const auto identity = store_->Open(std::string(kIdentityObject));
  if (!identity && identity.error().kind == ErrorKind::kNotFound) {
    return Fail(
        ErrorKind::kUnavailable,
        "the archive is gone just after the snapshot at " + lsn.ToString() + " was completed in it",
        "check that the archive's file system is mounted");
  }
  TRY(store_->Remove({&object.name, 1}));
  return Fail(ErrorKind::kConflict,
              "parts of the snapshot at " + lsn.ToString() +
                  " were removed, or a later base snapshot came, before it was complete",
              "the next attempt begins with what is there now");
}

// Another daemon may have removed the parts, taking them for what a crash had left.
Result<std::string> Appender::PutPartList(SegmentHeader header, std::string name) const {
  const auto of_this_folder = [&](const SnapshotPart& part) {
    return SnapshotLsnOf(part.name) == header.end;
  };
  const auto first = std::find_if(header.parts.begin(), header.parts.end(), of_this_folder);
  CHECK(first != header.parts.end());
  std::string predecessor = first->name;
  ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> manifest,
                   SegmentWriter{SegmentOptions{}}.Finish(std::move(header)));
  const NewObject object{std::move(name), manifest.get(), std::move(predecessor)};
  TRY(PutManifest(object, manifest->header().end, manifest->header().parts));
  return object.name;
}

Result<std::string> Appender::KeepPages(Lsn lsn, std::vector<SnapshotPart> parts,
                                        const CopiedPages& pages, uint32_t timeline,
                                        uint32_t server_version) const {
  SegmentHeader header = SnapshotHeader(SegmentKind::kPages, lsn, timeline, server_version);
  header.parts = Sorted(std::move(parts));
  header.pages = pages;
  const Relation& table = header.parts.front().relation;
  std::string name = PagesManifestName(lsn, table.schema, table.name, pages.begin);
  FAULT("snapshot.pages");
  ASSIGN_OR_RETURN(name, PutPartList(std::move(header), std::move(name)));
  FAULT("snapshot.pages_kept");
  return name;
}

Result<void> Appender::CompleteTable(Lsn lsn, std::vector<SnapshotPart> parts,
                                     const std::vector<std::string>& kept, uint32_t timeline,
                                     uint32_t server_version) const {
  SegmentHeader header = SnapshotHeader(SegmentKind::kTable, lsn, timeline, server_version);
  header.parts = Sorted(std::move(parts));
  const Relation& table = header.parts.front().relation;
  std::string name = TableManifestName(lsn, table.schema, table.name);
  FAULT("snapshot.table");
  TRY(PutPartList(std::move(header), std::move(name)));
  FAULT("snapshot.table_complete");
  return kept.empty() ? Result<void>() : store_->Remove(kept);
}

Result<void> Appender::PutSnapshotManifest(Lsn lsn, std::vector<SnapshotPart> parts,
                                           std::string_view definition, uint32_t timeline,
                                           uint32_t server_version) const {
  SegmentHeader header = SnapshotHeader(SegmentKind::kManifest, lsn, timeline, server_version);
  header.parts = Sorted(std::move(parts));
  SegmentWriter writer{SegmentOptions{}};
  TRY(WriteDefinition(definition, lsn, &writer));
  ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> manifest,
                   writer.Finish(std::move(header)));
  const NewObject object{SnapshotManifestName(lsn), manifest.get(), std::string(kIdentityObject)};
  FAULT("snapshot.manifest");
  TRY(PutManifest(object, lsn, manifest->header().parts));
  FAULT("snapshot.complete");
  return {};
}

Result<void> Appender::CompleteSnapshot(Lsn lsn, std::vector<SnapshotPart> parts,
                                        std::string_view definition, uint32_t timeline,
                                        uint32_t server_version) {
  const Lsn oldest = OldestPart(parts, lsn);
  TRY(PutSnapshotManifest(lsn, std::move(parts), definition, timeline, server_version));
  newest_snapshot_ = lsn;
  snapshot_reaches_back_to_ = oldest;
  return {};
}

Result<Catalog> Appender::SnapshotsInStore() const {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_->List(kSnapshotsPrefix));
  return CatalogOf(std::move(objects));
}

Result<void> Appender::RemoveIncompleteSnapshots() const {
  ASSIGN_OR_RETURN(const Catalog catalog, SnapshotsInStore());
  std::vector<std::string> names;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    const std::vector<ObjectInfo> needless = snapshot.NeedlessPages();
    for (const ObjectInfo& pages : needless) names.push_back(pages.name);
    if (snapshot.complete) continue;
    ASSIGN_OR_RETURN(const std::unordered_set<std::string> kept, PartsOfPages(snapshot));
    for (const ObjectInfo& part : snapshot.LooseParts()) {
      if (!kept.contains(part.name)) names.push_back(part.name);
    }
    if (snapshot.has_definition && snapshot.tables.empty() && snapshot.pages.empty()) {
      names.push_back(SnapshotDefinitionName(snapshot.lsn));
    }
  }
  if (names.empty()) return {};
  TRY(store_->Remove(names));
  return RemoveManifestsOf({names.begin(), names.end()});
}

// Of a snapshot that somebody completed while its parts were being removed.
Result<void> Appender::RemoveManifestsOf(const std::unordered_set<std::string>& removed) const {
  ASSIGN_OR_RETURN(const Catalog catalog, SnapshotsInStore());
  std::vector<std::string> hollow;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    const bool touched = std::any_of(removed.begin(), removed.end(), [&](const std::string& name) {
      return SnapshotLsnOf(name) == snapshot.lsn;
    });
    if (!touched) continue;
    for (const ObjectInfo& object : snapshot.Manifests()) {
      ASSIGN_OR_RETURN(const auto manifest, OpenListed(*store_, object.name));
      const std::vector<SnapshotPart>& parts = manifest->header().parts;
      const bool lists_removed =
          std::any_of(parts.begin(), parts.end(),
                      [&](const SnapshotPart& part) { return removed.contains(part.name); });
      if (lists_removed) hollow.push_back(object.name);
    }
  }
  return hollow.empty() ? Result<void>() : store_->Remove(hollow);
}

Result<std::unordered_set<std::string>> Appender::PartsOfPages(
    const SnapshotEntry& snapshot) const {
  std::unordered_set<std::string> names;
  for (const ObjectInfo& pages : snapshot.pages) {
    ASSIGN_OR_RETURN(SegmentHeader header, ReadPagesManifest(*store_, pages.name));
    for (SnapshotPart& part : header.parts) names.insert(std::move(part.name));
  }
  return names;
}

Result<void> Appender::RemoveSnapshotsAfter(Lsn lsn) {
  ASSIGN_OR_RETURN(const Catalog catalog, SnapshotsInStore());
  std::vector<SnapshotEntry> later;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn > lsn) later.push_back(snapshot);
  }
  std::vector<std::string> names;
  for (const ObjectInfo& object : InOrderOfRemoval(later)) names.push_back(object.name);
  TRY(store_->Remove(names));
  ASSIGN_OR_RETURN(const Catalog kept, SnapshotsInStore());
  return ResumeSnapshots(kept);
}

}  // namespace trunkline
