#include "decoder/parser.h"

#include <string>

#include "decoder/byte_reader.h"

namespace trunkline::pgoutput {
namespace {

constexpr uint8_t kKeyColumn = 1;
constexpr uint8_t kTransactionalMessage = 1;
constexpr size_t kMinColumnSize = 1 + 1 + 4 + 4;  // flags, empty name, type, modifier

// Positions and transaction ids of 0 mean "none" in Postgres; where a message must have one, 0 is
// malformed.
Lsn ReadLsn(ByteReader& in) {
  const Lsn lsn{in.ReadU64()};
  if (!lsn.valid()) in.Reject("has no LSN");
  return lsn;
}

Xid ReadXid(ByteReader& in) {
  const Xid xid{in.ReadU32()};
  if (!xid.valid()) in.Reject("has no transaction id");
  return xid;
}

Timestamp ReadTimestamp(ByteReader& in) { return Timestamp{static_cast<int64_t>(in.ReadU64())}; }

// A flags byte of which only the bits in `known` may be set.
uint8_t ReadFlags(ByteReader& in, uint8_t known) {
  const uint8_t flags = in.ReadU8();
  if ((flags & ~known) != 0) in.Reject("has unknown flags");
  return flags;
}

// The server abbreviates pg_catalog to nothing.
std::string_view ReadNamespace(ByteReader& in) {
  const std::string_view name = in.ReadCString();
  return name.empty() ? "pg_catalog" : name;
}

Xid ReadStreamXid(ByteReader& in, const ParseContext& context) {
  return context.in_stream ? ReadXid(in) : Xid{};
}

Value ReadValue(ByteReader& in) {
  const auto state = static_cast<ValueState>(in.ReadU8());
  switch (state) {
    case ValueState::kNull:
    case ValueState::kUnchangedToast:
      return Value{state, {}};
    case ValueState::kText:
    case ValueState::kBinary:
      return Value{state, in.ReadBytes(in.ReadU32())};
  }
  in.Reject("has a column of unknown kind");
  return {};
}

Tuple ReadTuple(ByteReader& in, std::vector<Value>* values) {
  const size_t columns = in.ReadU16();
  if (columns > in.remaining()) in.Reject("claims more columns than it has bytes");
  if (!in.ok()) return {};
  values->resize(columns);
  for (Value& value : *values) {
    value = ReadValue(in);
    if (!in.ok()) return {};
  }
  return *values;
}

RelationColumn ReadColumn(ByteReader& in) {
  RelationColumn column;
  column.key = ReadFlags(in, kKeyColumn) == kKeyColumn;
  column.name = in.ReadCString();
  column.type_oid = in.ReadU32();
  column.type_modifier = static_cast<int32_t>(in.ReadU32());
  return column;
}

ReplicaIdentity ReadReplicaIdentity(ByteReader& in) {
  const auto identity = static_cast<ReplicaIdentity>(in.ReadU8());
  switch (identity) {
    case ReplicaIdentity::kDefault:
    case ReplicaIdentity::kNothing:
    case ReplicaIdentity::kFull:
    case ReplicaIdentity::kIndex:
      return identity;
  }
  in.Reject("has an unknown replica identity");
  return ReplicaIdentity::kDefault;
}

RelationMessage ReadRelation(ByteReader& in, const ParseContext& context) {
  RelationMessage message;
  message.xid = ReadStreamXid(in, context);
  Relation& relation = message.relation;
  relation.oid = in.ReadU32();
  relation.schema = ReadNamespace(in);
  relation.name = in.ReadCString();
  relation.identity = ReadReplicaIdentity(in);
  const size_t columns = in.ReadU16();
  if (columns * kMinColumnSize > in.remaining()) in.Reject("claims more columns than it has bytes");
  if (!in.ok()) return message;
  relation.columns.reserve(columns);
  for (size_t i = 0; i < columns && in.ok(); ++i) relation.columns.push_back(ReadColumn(in));
  return message;
}

Type ReadType(ByteReader& in, const ParseContext& context) {
  return {.xid = ReadStreamXid(in, context),
          .oid = in.ReadU32(),
          .schema = ReadNamespace(in),
          .name = in.ReadCString()};
}

void ExpectNewTuple(ByteReader& in, uint8_t kind) {
  if (kind != 'N') in.Reject("has a tuple of unknown kind");
}

Insert ReadInsert(ByteReader& in, const ParseContext& context, ParseScratch* scratch) {
  Insert message;
  message.xid = ReadStreamXid(in, context);
  message.relation_oid = in.ReadU32();
  ExpectNewTuple(in, in.ReadU8());
  message.new_tuple = ReadTuple(in, &scratch->new_tuple);
  return message;
}

bool IsOldTuple(OldTupleKind kind) {
  return kind == OldTupleKind::kKey || kind == OldTupleKind::kFull;
}

Update ReadUpdate(ByteReader& in, const ParseContext& context, ParseScratch* scratch) {
  Update message;
  message.xid = ReadStreamXid(in, context);
  message.relation_oid = in.ReadU32();
  uint8_t kind = in.ReadU8();
  if (IsOldTuple(static_cast<OldTupleKind>(kind))) {
    message.old_kind = static_cast<OldTupleKind>(kind);
    message.old_tuple = ReadTuple(in, &scratch->old_tuple);
    kind = in.ReadU8();
  }
  ExpectNewTuple(in, kind);
  message.new_tuple = ReadTuple(in, &scratch->new_tuple);
  return message;
}

Delete ReadDelete(ByteReader& in, const ParseContext& context, ParseScratch* scratch) {
  Delete message;
  message.xid = ReadStreamXid(in, context);
  message.relation_oid = in.ReadU32();
  message.old_kind = static_cast<OldTupleKind>(in.ReadU8());
  if (!IsOldTuple(message.old_kind)) in.Reject("has a tuple of unknown kind");
  message.old_tuple = ReadTuple(in, &scratch->old_tuple);
  return message;
}

Truncate ReadTruncate(ByteReader& in, const ParseContext& context, ParseScratch* scratch) {
  Truncate message;
  message.xid = ReadStreamXid(in, context);
  const size_t count = in.ReadU32();
  message.flags = ReadFlags(in, kTruncateCascade | kTruncateRestartIdentity);
  if (count > in.remaining() / sizeof(uint32_t)) {
    in.Reject("claims more relations than it has bytes");
  }
  if (!in.ok()) return message;
  scratch->relation_oids.resize(count);
  for (uint32_t& oid : scratch->relation_oids) oid = in.ReadU32();
  message.relation_oids = scratch->relation_oids;
  return message;
}

LogicalMessage ReadLogicalMessage(ByteReader& in, const ParseContext& context) {
  LogicalMessage message;
  message.xid = ReadStreamXid(in, context);
  message.transactional = ReadFlags(in, kTransactionalMessage) == kTransactionalMessage;
  message.lsn = ReadLsn(in);
  message.prefix = in.ReadCString();
  message.content = in.ReadBytes(in.ReadU32());
  return message;
}

StreamStart ReadStreamStart(ByteReader& in) {
  return {.xid = ReadXid(in), .first_segment = ReadFlags(in, 1) == 1};
}

StreamAbort ReadStreamAbort(ByteReader& in) {
  StreamAbort message{.xid = ReadXid(in), .sub_xid = ReadXid(in)};
  if (in.remaining() > 0) {
    message.abort_lsn = Lsn{in.ReadU64()};
    message.abort_time = ReadTimestamp(in);
  }
  return message;
}

Begin ReadBegin(ByteReader& in) {
  return {.final_lsn = ReadLsn(in), .commit_time = ReadTimestamp(in), .xid = ReadXid(in)};
}

Commit ReadCommit(ByteReader& in) {
  return {.flags = ReadFlags(in, 0),
          .commit_lsn = ReadLsn(in),
          .end_lsn = ReadLsn(in),
          .commit_time = ReadTimestamp(in)};
}

// A streamed transaction's origin comes without an LSN, which is not known yet.
Origin ReadOrigin(ByteReader& in) {
  return {.commit_lsn = Lsn{in.ReadU64()}, .name = in.ReadCString()};
}

StreamCommit ReadStreamCommit(ByteReader& in) {
  return {.xid = ReadXid(in),
          .flags = ReadFlags(in, 0),
          .commit_lsn = ReadLsn(in),
          .end_lsn = ReadLsn(in),
          .commit_time = ReadTimestamp(in)};
}

BeginPrepare ReadBeginPrepare(ByteReader& in) {
  return {.prepare_lsn = ReadLsn(in),
          .end_lsn = ReadLsn(in),
          .prepare_time = ReadTimestamp(in),
          .xid = ReadXid(in),
          .gid = in.ReadCString()};
}

Prepare ReadPrepare(ByteReader& in) {
  return {.flags = ReadFlags(in, 0),
          .prepare_lsn = ReadLsn(in),
          .end_lsn = ReadLsn(in),
          .prepare_time = ReadTimestamp(in),
          .xid = ReadXid(in),
          .gid = in.ReadCString()};
}

CommitPrepared ReadCommitPrepared(ByteReader& in) {
  return {.flags = ReadFlags(in, 0),
          .commit_lsn = ReadLsn(in),
          .end_lsn = ReadLsn(in),
          .commit_time = ReadTimestamp(in),
          .xid = ReadXid(in),
          .gid = in.ReadCString()};
}

RollbackPrepared ReadRollbackPrepared(ByteReader& in) {
  return {.flags = ReadFlags(in, 0),
          .prepare_end_lsn = ReadLsn(in),
          .rollback_end_lsn = ReadLsn(in),
          .prepare_time = ReadTimestamp(in),
          .rollback_time = ReadTimestamp(in),
          .xid = ReadXid(in),
          .gid = in.ReadCString()};
}

Message ReadMessage(char type, ByteReader& in, const ParseContext& context, ParseScratch* scratch) {
  switch (type) {
    case 'I':
      return ReadInsert(in, context, scratch);
    case 'U':
      return ReadUpdate(in, context, scratch);
    case 'D':
      return ReadDelete(in, context, scratch);
    case 'T':
      return ReadTruncate(in, context, scratch);
    case 'M':
      return ReadLogicalMessage(in, context);
    case 'R':
      return ReadRelation(in, context);
    case 'Y':
      return ReadType(in, context);
    case 'B':
      return ReadBegin(in);
    case 'C':
      return ReadCommit(in);
    case 'O':
      return ReadOrigin(in);
    case 'S':
      return ReadStreamStart(in);
    case 'E':
      return StreamStop{};
    case 'c':
      return ReadStreamCommit(in);
    case 'A':
      return ReadStreamAbort(in);
    case 'b':
      return ReadBeginPrepare(in);
    case 'P':
      return ReadPrepare(in);
    case 'p':
      return StreamPrepare{ReadPrepare(in)};
    case 'K':
      return ReadCommitPrepared(in);
    case 'r':
      return ReadRollbackPrepared(in);
    default:
      return Unknown{};
  }
}

}  // namespace

Result<Message> Parse(std::string_view bytes, const ParseContext& context, ParseScratch* scratch) {
  if (bytes.empty()) return Fail(ErrorKind::kCorrupt, "pgoutput message without a type");
  const char type = bytes.front();
  ByteReader in(bytes);
  in.ReadU8();
  Message message = ReadMessage(type, in, context, scratch);
  if (std::holds_alternative<Unknown>(message)) return Unknown{bytes};
  if (in.remaining() > 0) in.Reject("has bytes left over");
  if (!in.ok()) {
    return Fail(ErrorKind::kCorrupt, std::string("pgoutput message '") + type + "' of " +
                                         std::to_string(bytes.size()) + " bytes " + in.problem() +
                                         " at byte " + std::to_string(in.offset()));
  }
  return message;
}

}  // namespace trunkline::pgoutput
