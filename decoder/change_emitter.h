// ChangeEmitter: passes one transaction after the other to a TransactionSink, turning messages into
// changes, resolving their relations and calling the relation hook ahead of them.
#pragma once

#include <string_view>
#include <vector>

#include "decoder/assembler.h"
#include "decoder/change.h"
#include "decoder/message.h"
#include "decoder/relation_catalog.h"

namespace trunkline {

class ChangeEmitter {
 public:
  explicit ChangeEmitter(TransactionSink* sink) : sink_(sink) {}

  void set_relation_hook(Assembler::RelationHook hook) { hook_ = std::move(hook); }

  // Starts a transaction; the sink hears of it with the first change, or at Commit.
  void Start(TransactionInfo transaction);
  const TransactionInfo& transaction() const { return transaction_; }
  // Names the origin. False, with no effect, once one is named or the sink has heard of the
  // transaction.
  bool SetOrigin(const pgoutput::Origin& origin);

  Result<void> Emit(const pgoutput::Insert& message, RelationScope* relations);
  Result<void> Emit(const pgoutput::Update& message, RelationScope* relations);
  Result<void> Emit(const pgoutput::Delete& message, RelationScope* relations);
  Result<void> Emit(const pgoutput::Truncate& message, RelationScope* relations);
  Result<void> Emit(const pgoutput::LogicalMessage& message);
  Result<void> EmitRaw(std::string_view message);

  Result<void> Commit(Lsn end_lsn);

 private:
  Result<void> BeginOnce();
  Result<void> Pass(const Change& change);
  // The relation in force, its hook called where that is due.
  Result<const Relation*> Use(uint32_t oid, RelationScope* relations);
  // Use, and checks that each of the tuples has the relation's width.
  Result<const Relation*> UseFor(uint32_t oid, Tuple tuple, RelationScope* relations);
  Result<void> ChangeVersion(const DescribedRelation& relation);

  TransactionSink* sink_;
  Assembler::RelationHook hook_;
  TransactionInfo transaction_;
  bool begun_ = false;
  // Relations that the open transaction used and that are no longer in force: the sink may still
  // point to them.
  std::vector<RelationVersion> replaced_;
  std::vector<const Relation*> truncated_;
};

}  // namespace trunkline
