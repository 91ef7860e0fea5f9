#include "daemon/relation_tracker.h"

#include <spdlog/spdlog.h>

namespace trunkline {

void RelationTracker::Learn(const DescribedTables& tables) {
  Replace(tables);
  uncertain_ = false;
}

void RelationTracker::Replace(const DescribedTables& tables) {
  known_.clear();
  for (const DescribedTable& table : tables.tables) {
    known_.insert_or_assign(table.relation.oid, table.relation);
  }
}

Result<void> RelationTracker::OnRelation(const Relation& relation, TransactionSink* sink) {
  const auto known = known_.find(relation.oid);
  if (known != known_.end() && known->second == relation) return {};
  spdlog::info("the table {}.{} is {}: archiving its definition", relation.schema, relation.name,
               known == known_.end() ? "new" : "defined otherwise than before");
  ASSIGN_OR_RETURN(const DescribedTables tables, query_());
  Change change;
  change.operation = Operation::kDefinition;
  change.content = tables.document;
  TRY(sink->OnChange(change));
  uncertain_ = true;
  Replace(tables);
  // The source may be ahead of the stream; asking again would bring nothing new.
  known_.insert_or_assign(relation.oid, relation);
  return {};
}

}  // namespace trunkline
