// Appender: the one way in which an archive grows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/identity.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// A single writer is assumed (the slot elects it). One thread at a time.
class Appender {
 public:
  // Opens the archive of `identity` in `store`, or creates it where the store is empty: its first
  // object is the identity. kWrongSource when the archive is another source's; kAlreadyExists when
  // the store holds objects but no identity.
  static Result<std::unique_ptr<Appender>> Open(Store* store, const Identity& identity);

  // The archive's end: everything up to here is durable. Lsn{} while there is no segment.
  Lsn end() const { return end_; }
  // Where a new archive's first segment begins. Only while there is no segment.
  void set_begin(Lsn begin);
  bool has_complete_snapshot() const { return has_complete_snapshot_; }

  // Publishes the transactions of `writer`, none or many, as the segment from end() to `end`;
  // durable when this returns. `timeline` and `server_version` go into the header.
  Result<void> AppendSegment(SegmentWriter writer, Lsn end, uint32_t timeline,
                             uint32_t server_version);
  // Publishes a segment of kind GAP from end() to `end`.
  Result<void> AppendGap(Lsn end, std::string reason, uint32_t timeline, uint32_t server_version);

  // Publishes one part of the base snapshot at `lsn`; `writer` holds its rows as one transaction of
  // inserts. May be called from several threads at once.
  Result<SnapshotPart> PutSnapshotPart(SegmentWriter writer, Lsn lsn, const Relation& relation,
                                       uint32_t part) const;
  // Publishes the manifest that makes the snapshot count. `definition` is the JSON document of
  // docs/definition.md.
  Result<void> CompleteSnapshot(Lsn lsn, std::vector<SnapshotPart> parts,
                                std::string_view definition, uint32_t timeline,
                                uint32_t server_version);
  // Removes the parts of snapshots that were never completed.
  Result<void> RemoveIncompleteSnapshots();

 private:
  Appender(Store* store, Identity identity);
  Result<void> Publish(SegmentWriter writer, SegmentKind kind, Lsn end, std::string gap_reason,
                       uint32_t timeline, uint32_t server_version);

  Store* store_;
  Identity identity_;
  std::string identity_digest_;
  Lsn end_;
  std::string last_digest_;
  bool has_complete_snapshot_ = false;
};

}  // namespace trunkline
