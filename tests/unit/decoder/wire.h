// Builds pgoutput messages byte by byte, after the manual's "Logical Replication Message Formats"
// and independently of the parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::wire {

class Bytes {
 public:
  explicit Bytes(char type) : bytes_(1, type) {}
  Bytes& U8(uint8_t value) { return Integer(value, 1); }
  Bytes& U16(uint64_t value) { return Integer(value, 2); }
  Bytes& U32(uint64_t value) { return Integer(value, 4); }
  Bytes& U64(uint64_t value) { return Integer(value, 8); }
  Bytes& Str(std::string_view text) {
    bytes_ += text;
    return U8(0);
  }
  Bytes& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  operator std::string() const { return bytes_; }  // NOLINT: reads as the message it is

 private:
  Bytes& Integer(uint64_t value, int size) {
    while (size-- > 0) bytes_ += static_cast<char>(value >> (8 * size));
    return *this;
  }

  std::string bytes_;
};

// One column of a tuple, as it stands on the wire.
inline std::string Text(std::string_view value) { return Bytes('t').U32(value.size()).Raw(value); }
inline std::string Binary(std::string_view value) {
  return Bytes('b').U32(value.size()).Raw(value);
}
inline std::string Null() { return "n"; }
inline std::string Unchanged() { return "u"; }

using Columns = std::vector<std::string>;

inline std::string TupleOf(char kind, const Columns& columns) {
  Bytes tuple(kind);
  tuple.U16(columns.size());
  for (const std::string& column : columns) tuple.Raw(column);
  return tuple;
}

// The message as it comes inside a stream chunk: with the (sub)transaction after its type.
inline std::string InStream(uint32_t xid, std::string message) {
  const std::string with_xid = Bytes(message[0]).U32(xid);
  return with_xid + message.substr(1);
}

inline std::string Begin(uint64_t final_lsn, int64_t time, uint32_t xid) {
  return Bytes('B').U64(final_lsn).U64(static_cast<uint64_t>(time)).U32(xid);
}
inline std::string Commit(uint64_t commit_lsn, uint64_t end_lsn, int64_t time) {
  return Bytes('C').U8(0).U64(commit_lsn).U64(end_lsn).U64(static_cast<uint64_t>(time));
}
inline std::string Origin(uint64_t lsn, std::string_view name) {
  return Bytes('O').U64(lsn).Str(name);
}

struct Column {
  std::string name;
  uint32_t type_oid = 25;
  bool key = false;
  int32_t type_modifier = -1;
};
inline std::string Relation(uint32_t oid, std::string_view schema, std::string_view name,
                            const std::vector<Column>& columns, char identity = 'd') {
  Bytes message('R');
  message.U32(oid).Str(schema).Str(name).U8(static_cast<uint8_t>(identity)).U16(columns.size());
  for (const Column& column : columns) {
    message.U8(column.key ? 1 : 0).Str(column.name).U32(column.type_oid);
    message.U32(static_cast<uint32_t>(column.type_modifier));
  }
  return message;
}
inline std::string Type(uint32_t oid, std::string_view schema, std::string_view name) {
  return Bytes('Y').U32(oid).Str(schema).Str(name);
}

inline std::string Insert(uint32_t oid, const Columns& columns) {
  return Bytes('I').U32(oid).Raw(TupleOf('N', columns));
}
inline std::string Update(uint32_t oid, const Columns& columns) {
  return Bytes('U').U32(oid).Raw(TupleOf('N', columns));
}
inline std::string Update(uint32_t oid, char old_kind, const Columns& old_columns,
                          const Columns& columns) {
  return Bytes('U').U32(oid).Raw(TupleOf(old_kind, old_columns)).Raw(TupleOf('N', columns));
}
inline std::string Delete(uint32_t oid, char old_kind, const Columns& columns) {
  return Bytes('D').U32(oid).Raw(TupleOf(old_kind, columns));
}
inline std::string Truncate(const std::vector<uint32_t>& oids, uint8_t flags = 0) {
  Bytes message('T');
  message.U32(oids.size()).U8(flags);
  for (const uint32_t oid : oids) message.U32(oid);
  return message;
}
inline std::string Logical(bool transactional, uint64_t lsn, std::string_view prefix,
                           std::string_view content) {
  return Bytes('M').U8(transactional).U64(lsn).Str(prefix).U32(content.size()).Raw(content);
}

inline std::string StreamStart(uint32_t xid, bool first) { return Bytes('S').U32(xid).U8(first); }
inline std::string StreamStop() { return "E"; }
inline std::string StreamCommit(uint32_t xid, uint64_t commit_lsn, uint64_t end_lsn, int64_t time) {
  return Bytes('c').U32(xid).U8(0).U64(commit_lsn).U64(end_lsn).U64(static_cast<uint64_t>(time));
}
inline std::string StreamAbort(uint32_t xid, uint32_t sub_xid) {
  return Bytes('A').U32(xid).U32(sub_xid);
}
inline std::string StreamAbort(uint32_t xid, uint32_t sub_xid, uint64_t lsn, int64_t time) {
  return Bytes('A').U32(xid).U32(sub_xid).U64(lsn).U64(static_cast<uint64_t>(time));
}

inline std::string BeginPrepare(uint64_t prepare_lsn, uint64_t end_lsn, int64_t time, uint32_t xid,
                                std::string_view gid) {
  return Bytes('b')
      .U64(prepare_lsn)
      .U64(end_lsn)
      .U64(static_cast<uint64_t>(time))
      .U32(xid)
      .Str(gid);
}
// Prepare ('P'), StreamPrepare ('p') and CommitPrepared ('K') have one shape.
inline std::string TwoPhase(char type, uint64_t lsn, uint64_t end_lsn, int64_t time, uint32_t xid,
                            std::string_view gid) {
  return Bytes(type).U8(0).U64(lsn).U64(end_lsn).U64(static_cast<uint64_t>(time)).U32(xid).Str(gid);
}
inline std::string RollbackPrepared(uint64_t prepare_end_lsn, uint64_t rollback_end_lsn,
                                    int64_t prepare_time, int64_t rollback_time, uint32_t xid,
                                    std::string_view gid) {
  return Bytes('r')
      .U8(0)
      .U64(prepare_end_lsn)
      .U64(rollback_end_lsn)
      .U64(static_cast<uint64_t>(prepare_time))
      .U64(static_cast<uint64_t>(rollback_time))
      .U32(xid)
      .Str(gid);
}

}  // namespace trunkline::wire
