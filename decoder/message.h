// The messages of the pgoutput plugin, protocol versions 1 to 4.
//
// Source: manual, "Logical Replication Message Formats" and "Logical Streaming Replication
// Parameters". Integers are big-endian on the wire. Structures borrow from the parsed buffer and
// from the ParseScratch (string_view, span) unless they own a std::string.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/lsn.h"
#include "base/timestamp.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline::pgoutput {

struct Begin {
  Lsn final_lsn;  // the commit record's LSN
  Timestamp commit_time;
  Xid xid;
};
struct Commit {
  uint8_t flags = 0;  // unused, 0
  Lsn commit_lsn;
  Lsn end_lsn;
  Timestamp commit_time;
};
struct Origin {
  Lsn commit_lsn;  // on the origin server
  std::string_view name;
};
// `xid` of the messages below: the (sub)transaction, sent only inside a stream chunk; else 0.
struct RelationMessage {
  Xid xid;
  Relation relation;  // without type names; the assembler adds them
};
struct Type {
  Xid xid;
  uint32_t oid = 0;
  std::string_view schema;
  std::string_view name;
};
struct Insert {
  Xid xid;
  uint32_t relation_oid = 0;
  Tuple new_tuple;
};
struct Update {
  Xid xid;
  uint32_t relation_oid = 0;
  OldTupleKind old_kind = OldTupleKind::kNone;
  Tuple old_tuple;
  Tuple new_tuple;
};
struct Delete {
  Xid xid;
  uint32_t relation_oid = 0;
  OldTupleKind old_kind = OldTupleKind::kKey;
  Tuple old_tuple;
};
struct Truncate {
  Xid xid;
  uint8_t flags = 0;
  std::span<const uint32_t> relation_oids;
};
struct LogicalMessage {
  Xid xid;
  bool transactional = false;
  Lsn lsn;
  std::string_view prefix;
  std::string_view content;
};
struct StreamStart {
  Xid xid;
  bool first_segment = false;
};
struct StreamStop {};
struct StreamCommit {
  Xid xid;
  uint8_t flags = 0;
  Lsn commit_lsn;
  Lsn end_lsn;
  Timestamp commit_time;
};
struct StreamAbort {
  Xid xid;
  Xid sub_xid;                // == xid when the whole transaction aborted
  Lsn abort_lsn = {};         // protocol 4 with streaming 'parallel' only; else 0
  Timestamp abort_time = {};  // likewise
};
struct BeginPrepare {
  Lsn prepare_lsn;
  Lsn end_lsn;
  Timestamp prepare_time;
  Xid xid;
  std::string_view gid;
};
struct Prepare {  // also the fields of StreamPrepare
  uint8_t flags = 0;
  Lsn prepare_lsn;
  Lsn end_lsn;
  Timestamp prepare_time;
  Xid xid;
  std::string_view gid;
};
struct StreamPrepare : Prepare {};
struct CommitPrepared {
  uint8_t flags = 0;
  Lsn commit_lsn;
  Lsn end_lsn;
  Timestamp commit_time;
  Xid xid;
  std::string_view gid;
};
struct RollbackPrepared {
  uint8_t flags = 0;
  Lsn prepare_end_lsn;
  Lsn rollback_end_lsn;
  Timestamp prepare_time;
  Timestamp rollback_time;
  Xid xid;
  std::string_view gid;
};
// A message whose first byte names no type known here; kept as it came.
struct Unknown {
  std::string_view bytes;
};

using Message =
    std::variant<Begin, Commit, Origin, RelationMessage, Type, Insert, Update, Delete, Truncate,
                 LogicalMessage, StreamStart, StreamStop, StreamCommit, StreamAbort, BeginPrepare,
                 Prepare, StreamPrepare, CommitPrepared, RollbackPrepared, Unknown>;

}  // namespace trunkline::pgoutput
