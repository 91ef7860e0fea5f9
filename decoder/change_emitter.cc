#include "decoder/change_emitter.h"

#include <string>
#include <utility>

namespace trunkline {
namespace {

tl::unexpected<Error> WidthError(const Relation& relation, size_t width) {
  return Fail(ErrorKind::kCorrupt, "tuple of " + std::to_string(width) + " columns for relation " +
                                       std::to_string(relation.oid) + ", which has " +
                                       std::to_string(relation.columns.size()));
}

}  // namespace

void ChangeEmitter::Start(TransactionInfo transaction) {
  transaction_ = std::move(transaction);
  begun_ = false;
  replaced_.clear();
}

bool ChangeEmitter::SetOrigin(const pgoutput::Origin& origin) {
  if (begun_ || !transaction_.origin.empty()) return false;
  transaction_.origin = origin.name;
  transaction_.origin_lsn = origin.commit_lsn;
  return true;
}

Result<void> ChangeEmitter::Emit(const pgoutput::Insert& message, RelationScope* relations) {
  ASSIGN_OR_RETURN(const Relation* relation,
                   UseFor(message.relation_oid, message.new_tuple, relations));
  return Pass({.operation = Operation::kInsert,
               .sub_xid = message.xid,
               .relation = relation,
               .new_tuple = message.new_tuple});
}

Result<void> ChangeEmitter::Emit(const pgoutput::Update& message, RelationScope* relations) {
  ASSIGN_OR_RETURN(const Relation* relation,
                   UseFor(message.relation_oid, message.new_tuple, relations));
  if (message.old_kind != OldTupleKind::kNone &&
      message.old_tuple.size() != relation->columns.size()) {
    return WidthError(*relation, message.old_tuple.size());
  }
  return Pass({.operation = Operation::kUpdate,
               .sub_xid = message.xid,
               .relation = relation,
               .old_kind = message.old_kind,
               .old_tuple = message.old_tuple,
               .new_tuple = message.new_tuple});
}

Result<void> ChangeEmitter::Emit(const pgoutput::Delete& message, RelationScope* relations) {
  ASSIGN_OR_RETURN(const Relation* relation,
                   UseFor(message.relation_oid, message.old_tuple, relations));
  return Pass({.operation = Operation::kDelete,
               .sub_xid = message.xid,
               .relation = relation,
               .old_kind = message.old_kind,
               .old_tuple = message.old_tuple});
}

Result<void> ChangeEmitter::Emit(const pgoutput::Truncate& message, RelationScope* relations) {
  truncated_.clear();
  for (const uint32_t oid : message.relation_oids) {
    ASSIGN_OR_RETURN(const Relation* relation, Use(oid, relations));
    truncated_.push_back(relation);
  }
  return Pass({.operation = Operation::kTruncate,
               .sub_xid = message.xid,
               .truncated = truncated_,
               .truncate_flags = message.flags});
}

Result<void> ChangeEmitter::Emit(const pgoutput::LogicalMessage& message) {
  return Pass({.operation = Operation::kMessage,
               .sub_xid = message.xid,
               .prefix = message.prefix,
               .content = message.content,
               .message_lsn = message.lsn,
               .transactional = message.transactional});
}

Result<void> ChangeEmitter::EmitRaw(std::string_view message) {
  return Pass({.operation = Operation::kRaw, .content = message});
}

Result<void> ChangeEmitter::Commit(Lsn end_lsn) {
  TRY(BeginOnce());
  transaction_.end_lsn = end_lsn;
  return sink_->Commit(transaction_);
}

Result<void> ChangeEmitter::BeginOnce() {
  if (begun_) return {};
  begun_ = true;
  return sink_->Begin(transaction_);
}

Result<void> ChangeEmitter::Pass(const Change& change) {
  TRY(BeginOnce());
  return sink_->OnChange(change);
}

Result<const Relation*> ChangeEmitter::Use(uint32_t oid, RelationScope* relations) {
  const DescribedRelation* relation = relations->Find(oid);
  if (relation == nullptr) {
    return Fail(ErrorKind::kCorrupt,
                "change of relation " + std::to_string(oid) + ", which was never described");
  }
  if (relation->version != relation->history->last_used) TRY(ChangeVersion(*relation));
  return relation->version.get();
}

Result<const Relation*> ChangeEmitter::UseFor(uint32_t oid, Tuple tuple, RelationScope* relations) {
  ASSIGN_OR_RETURN(const Relation* relation, Use(oid, relations));
  if (tuple.size() != relation->columns.size()) return WidthError(*relation, tuple.size());
  return relation;
}

Result<void> ChangeEmitter::ChangeVersion(const DescribedRelation& relation) {
  const RelationVersion previous = std::exchange(relation.history->last_used, relation.version);
  if (previous != nullptr) replaced_.push_back(previous);
  if (previous != nullptr && *previous == *relation.version) return {};
  TRY(BeginOnce());
  return hook_ ? hook_(*relation.version, previous.get()) : Result<void>();
}

}  // namespace trunkline
