// Appender: the one way in which an archive grows.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/catalog.h"
#include "archive/identity.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// What an archive has grown by.
struct AppendedSegment {
  SegmentKind kind = SegmentKind::kChanges;  // or kGap
  Lsn begin;
  Lsn end;
  uint64_t bytes = 0;
  uint64_t transactions = 0;
  uint64_t changes = 0;
  std::vector<TableTotals> tables;
};

// One writer at a time is meant to be (the slot elects it), but nothing breaks where there are two:
// a segment goes in only behind the newest one, and the second writer is told. One thread at a
// time.
class Appender {
 public:
  // Opens the archive of `identity` in `store`. Where the store is empty, creates it: its first
  // object is the identity. kWrongSource when the archive is another source's; kAlreadyExists when
  // the store holds objects but no identity.
  static Result<std::unique_ptr<Appender>> Open(Store* store, const Identity& identity);
  // The same for an archive that is known to be there: kNotFound when it is not.
  static Result<std::unique_ptr<Appender>> OpenExisting(Store* store, const Identity& identity);

  // The archive's end: everything up to here is durable. Lsn{} while there is no segment.
  Lsn end() const { return end_; }
  // Of the newest complete snapshot; Lsn{} while there is none.
  Lsn newest_snapshot() const { return newest_snapshot_; }
  // From where on changes bring that snapshot's tables on: the LSN of its oldest part, which is not
  // the snapshot's own where it was taken up again after a crash.
  Lsn snapshot_reaches_back_to() const { return snapshot_reaches_back_to_; }
  // The source's timeline in the last segment, or while there is none in the newest complete
  // snapshot; 0 while there is neither.
  uint32_t timeline() const { return timeline_; }
  // Where a new archive's first segment begins. Only while there is no segment.
  void set_begin(Lsn begin);
  // From here on the archive holds every change, and will when it goes on: the last gap's end, or
  // where the first segment begins.
  Lsn unbroken_from() const;
  // Whether there is a complete snapshot no part of which a gap follows.
  bool has_complete_snapshot() const { return newest_snapshot_.valid() && !gap_follows_snapshot(); }

  // Adds the transactions of `writer`, none or many, as the segment to `end` from where the last
  // one added ends, else from end(). `timeline` and `server_version` go into the header. Nothing is
  // published before PublishPending.
  Result<void> AddSegment(SegmentWriter writer, Lsn end, uint32_t timeline,
                          uint32_t server_version);
  // Publishes the segments added, in one Put, so that a store with transactions takes all or none;
  // durable when this returns. When the store fails, they are kept (has_pending), and this tries
  // again. The store may hold them already, when only its answer was lost. kConflict: another
  // writer has appended, or what was published without an answer was merged meanwhile; open the
  // archive anew.
  Result<void> PublishPending();
  bool has_pending() const { return !pending_.empty(); }

  // AddSegment and PublishPending.
  Result<void> AppendSegment(SegmentWriter writer, Lsn end, uint32_t timeline,
                             uint32_t server_version);
  // The same for a segment of kind GAP.
  Result<void> AppendGap(Lsn end, std::string reason, uint32_t timeline, uint32_t server_version);

  // What PublishPending published last; nothing before it has.
  const std::vector<AppendedSegment>& last_appended() const { return last_appended_; }

  // Manifests are kConflict, and not published, where others have removed parts meanwhile, or where
  // parts lie in earlier folders and a base snapshot has come that is later than these.
  // A snapshot at `lsn` is published in this order: the definition of its tables (`document` is the
  // JSON of docs/definition.md), then of each table its parts and the manifest that makes it count.
  // Those that are const may be called from several threads at once, also beside the other methods.
  Result<void> PutSnapshotDefinition(Lsn lsn, std::string_view document,
                                     std::string publication_state, uint32_t timeline,
                                     uint32_t server_version) const;
  // `writer` holds the part's rows as one transaction of inserts.
  Result<SnapshotPart> PutSnapshotPart(SegmentWriter writer, Lsn lsn, const Relation& relation,
                                       uint32_t part) const;
  // Keeps the parts, of one table, for another try, should this one be cut short. Yields the name
  // of what it published.
  Result<std::string> KeepPages(Lsn lsn, std::vector<SnapshotPart> parts, const CopiedPages& pages,
                                uint32_t timeline, uint32_t server_version) const;
  // Some of the parts may be pages kept at earlier LSNs, if there is one of `lsn`. `kept` is what
  // KeepPages published at `lsn`, and is not needed any more.
  Result<void> CompleteTable(Lsn lsn, std::vector<SnapshotPart> parts,
                             const std::vector<std::string>& kept, uint32_t timeline,
                             uint32_t server_version) const;
  // Publishes the manifest that makes the base snapshot at `lsn` count, the newest. Some of its
  // parts may be of snapshots of single tables at earlier LSNs, not before unbroken_from().
  Result<void> CompleteSnapshot(Lsn lsn, std::vector<SnapshotPart> parts,
                                std::string_view definition, uint32_t timeline,
                                uint32_t server_version);
  // The same without taking note of it, so that it may be called beside the other methods.
  Result<void> PutSnapshotManifest(Lsn lsn, std::vector<SnapshotPart> parts,
                                   std::string_view definition, uint32_t timeline,
                                   uint32_t server_version) const;
  // Removes what crashes left of snapshots and no manifest speaks of. Not while one is being taken.
  Result<void> RemoveIncompleteSnapshots() const;
  // Removes the snapshots after `lsn`, complete ones too: the source's history does not have them.
  Result<void> RemoveSnapshotsAfter(Lsn lsn);

 private:
  Appender(Store* store, const Identity& identity);
  bool gap_follows_snapshot() const { return snapshot_reaches_back_to_ < last_gap_end_; }
  Result<void> Resume(const Catalog& catalog);
  Result<void> ResumeSnapshots(const Catalog& catalog);
  Lsn begin_of_next() const;
  SegmentHeader HeaderTo(Lsn end, SegmentKind kind, uint32_t timeline,
                         uint32_t server_version) const;
  SegmentHeader SnapshotHeader(SegmentKind kind, Lsn lsn, uint32_t timeline,
                               uint32_t server_version) const;
  Result<bool> HasAllParts(Lsn lsn, const std::vector<SnapshotPart>& parts) const;
  Result<void> PutManifest(const NewObject& object, Lsn lsn,
                           const std::vector<SnapshotPart>& parts) const;
  Result<std::string> PutPartList(SegmentHeader header, std::string name) const;
  Result<void> RemoveManifestsOf(const std::unordered_set<std::string>& removed) const;
  bool IsOvertaken() const;
  Result<Catalog> SnapshotsInStore() const;
  Result<std::unordered_set<std::string>> PartsOfPages(const SnapshotEntry& snapshot) const;
  Result<void> Add(SegmentWriter writer, SegmentHeader header);
  std::vector<NewObject> PendingObjects() const;

  Store* const store_;
  const std::string identity_digest_;
  Lsn begin_;  // of the first segment
  Lsn end_;
  std::string last_name_;
  uint32_t timeline_ = 0;
  std::string last_digest_;
  Lsn newest_snapshot_;
  Lsn snapshot_reaches_back_to_;
  Lsn last_gap_end_;
  std::vector<std::unique_ptr<FinishedSegment>> pending_;  // each begins where the last one ends
  std::vector<AppendedSegment> last_appended_;
};

}  // namespace trunkline
