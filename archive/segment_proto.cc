#include "archive/segment_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "archive/segment_format.h"
#include "segment.pb.h"

namespace trunkline {
namespace {

tl::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorKind::kCorrupt, "malformed " + std::string(what));
}

template <typename Message>
std::string Serialize(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

void ToProto(const Relation& relation, proto::Relation* out) {
  out->set_oid(relation.oid);
  out->set_schema(relation.schema);
  out->set_name(relation.name);
  out->set_identity(static_cast<uint8_t>(relation.identity));
  for (const RelationColumn& column : relation.columns) {
    proto::Column* to = out->add_columns();
    to->set_name(column.name);
    to->set_type_oid(column.type_oid);
    to->set_type_modifier(column.type_modifier);
    to->set_key(column.key);
    to->set_type_schema(column.type_schema);
    to->set_type_name(column.type_name);
  }
}

bool IsIdentity(uint32_t code) { return code == 'd' || code == 'n' || code == 'f' || code == 'i'; }

Result<Relation> FromProto(const proto::Relation& from) {
  if (!IsIdentity(from.identity())) return Malformed("replica identity");
  if (from.columns_size() > static_cast<int>(format::kMaxColumns)) return Malformed("relation");
  Relation relation;
  relation.oid = from.oid();
  relation.schema = from.schema();
  relation.name = from.name();
  relation.identity = static_cast<ReplicaIdentity>(from.identity());
  for (const proto::Column& column : from.columns()) {
    relation.columns.push_back({column.name(), column.type_oid(), column.type_modifier(),
                                column.key(), column.type_schema(), column.type_name()});
  }
  return relation;
}

void ToProto(const BlockStats& block, proto::Block* out) {
  out->set_size(block.size);
  out->set_raw_size(block.raw_size);
  out->set_checksum(block.checksum);
  out->set_changes(block.changes);
  out->set_transactions(block.transactions);
  out->set_commit_lsn_min(block.commit_lsn_min.value);
  out->set_commit_lsn_max(block.commit_lsn_max.value);
  out->set_commit_time_min(block.commit_time_min.micros);
  out->set_commit_time_max(block.commit_time_max.micros);
  out->set_has_messages(block.has_messages);
  for (const BlockRelationStats& relation : block.relations) {
    proto::BlockRelation* to = out->add_relations();
    to->set_relation_index(relation.relation_index);
    to->set_inserts(relation.inserts);
    to->set_updates(relation.updates);
    to->set_deletes(relation.deletes);
    to->set_truncates(relation.truncates);
    to->set_has_key_range(relation.has_key_range);
    to->set_key_min(relation.key_min);
    to->set_key_max(relation.key_max);
  }
}

Result<BlockStats> FromProto(const proto::Block& from, size_t relations) {
  BlockStats block;
  block.size = from.size();
  block.raw_size = from.raw_size();
  block.checksum = from.checksum();
  block.changes = from.changes();
  block.transactions = from.transactions();
  block.commit_lsn_min.value = from.commit_lsn_min();
  block.commit_lsn_max.value = from.commit_lsn_max();
  block.commit_time_min.micros = from.commit_time_min();
  block.commit_time_max.micros = from.commit_time_max();
  block.has_messages = from.has_messages();
  for (const proto::BlockRelation& relation : from.relations()) {
    if (relation.relation_index() >= relations) return Malformed("relation of a block");
    block.relations.push_back({relation.relation_index(), relation.inserts(), relation.updates(),
                               relation.deletes(), relation.truncates(), relation.has_key_range(),
                               relation.key_min(), relation.key_max()});
  }
  return block;
}

bool IsKind(uint32_t kind) {
  return kind >= static_cast<uint32_t>(SegmentKind::kChanges) &&
         kind <= static_cast<uint32_t>(SegmentKind::kRetained);
}

// In their order, and up to the segment's own end.
bool AreReplaced(const SegmentHeader& header) {
  if (header.replaced.empty()) return header.kind != SegmentKind::kRetained;
  Lsn reached = header.begin;
  for (const ReplacedSegment& replaced : header.replaced) {
    if (replaced.end <= reached || replaced.digest.size() != kDigestBytes) return false;
    reached = replaced.end;
  }
  return reached == header.end &&
         (header.kind == SegmentKind::kChanges || header.kind == SegmentKind::kRetained);
}

}  // namespace

std::string SerializeHeader(const SegmentHeader& header,
                            const std::vector<const Relation*>& relations) {
  proto::Header out;
  out.set_kind(static_cast<uint32_t>(header.kind));
  out.set_begin(header.begin.value);
  out.set_end(header.end.value);
  out.set_identity_digest(header.identity_digest);
  out.set_previous_digest(header.previous_digest);
  out.set_timeline(header.timeline);
  out.set_server_version(header.server_version);
  out.set_gap_reason(header.gap_reason);
  out.set_publication_state(header.publication_state);
  if (header.pages) {
    out.mutable_pages()->set_begin(header.pages->begin);
    out.mutable_pages()->set_end(header.pages->end);
    out.mutable_pages()->set_file_node(header.pages->file_node);
    out.mutable_pages()->set_snapshot_xmin(header.pages->snapshot_xmin);
  }
  for (const SnapshotPart& part : header.parts) {
    proto::Part* to = out.add_parts();
    to->set_name(part.name);
    to->set_digest(part.digest);
    to->set_rows(part.rows);
    ToProto(part.relation, to->mutable_relation());
  }
  for (const ReplacedSegment& replaced : header.replaced) {
    proto::Replaced* to = out.add_replaced();
    to->set_end(replaced.end.value);
    to->set_digest(replaced.digest);
  }
  if (header.removed) {
    const RemovedHistory& removed = *header.removed;
    const auto commits = removed.commits.value_or(RemovedHistory::Commits{});
    out.mutable_removed()->set_has_commits(removed.commits.has_value());
    out.mutable_removed()->set_latest_commit_time(commits.latest.micros);
    out.mutable_removed()->set_last_commit_time(commits.last.micros);
    out.mutable_removed()->set_ends_with_gap(removed.ends_with_gap);
  }
  for (const Relation* relation : relations) ToProto(*relation, out.add_relations());
  return Serialize(out);
}

std::string SerializeFooter(const SegmentFooter& footer) {
  proto::Footer out;
  for (const BlockStats& block : footer.blocks) ToProto(block, out.add_blocks());
  out.set_transactions(footer.transactions);
  out.set_changes(footer.changes);
  return Serialize(out);
}

Result<void> ParseHeader(std::string_view bytes, SegmentHeader* header,
                         std::vector<Relation>* relations) {
  proto::Header from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !IsKind(from.kind())) {
    return Malformed("header");
  }
  header->kind = static_cast<SegmentKind>(from.kind());
  header->begin.value = from.begin();
  header->end.value = from.end();
  header->identity_digest = from.identity_digest();
  header->previous_digest = from.previous_digest();
  header->timeline = from.timeline();
  header->server_version = from.server_version();
  header->gap_reason = from.gap_reason();
  header->publication_state = from.publication_state();
  if (from.has_pages()) {
    header->pages = {from.pages().begin(), from.pages().end(), from.pages().file_node(),
                     from.pages().snapshot_xmin()};
  }
  for (const proto::Part& part : from.parts()) {
    ASSIGN_OR_RETURN(Relation relation, FromProto(part.relation()));
    header->parts.push_back({part.name(), part.digest(), part.rows(), std::move(relation)});
  }
  for (const proto::Replaced& replaced : from.replaced()) {
    header->replaced.push_back({Lsn{replaced.end()}, replaced.digest()});
  }
  if (from.has_removed()) {
    header->removed.emplace();
    header->removed->ends_with_gap = from.removed().ends_with_gap();
    if (from.removed().has_commits()) {
      header->removed->commits = {Timestamp{from.removed().latest_commit_time()},
                                  Timestamp{from.removed().last_commit_time()}};
    }
  }
  if (!AreReplaced(*header)) return Malformed("header: the segments that it stands for");
  for (const proto::Relation& relation : from.relations()) {
    ASSIGN_OR_RETURN(Relation parsed, FromProto(relation));
    relations->push_back(std::move(parsed));
  }
  return {};
}

Result<SegmentFooter> ParseFooter(std::string_view bytes, size_t relations) {
  proto::Footer from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("footer");
  }
  SegmentFooter footer;
  footer.transactions = from.transactions();
  footer.changes = from.changes();
  for (const proto::Block& block : from.blocks()) {
    ASSIGN_OR_RETURN(BlockStats parsed, FromProto(block, relations));
    footer.blocks.push_back(std::move(parsed));
  }
  return footer;
}

}  // namespace trunkline
