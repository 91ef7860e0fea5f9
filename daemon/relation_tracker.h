// RelationTracker: notices that a table is defined otherwise than the newest definition in the
// archive says, and has a new one archived ahead of the first change that shows it.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "daemon/definition_query.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

class RelationTracker {
 public:
  // Asks the source how the published tables are defined now.
  using Query = std::function<Result<DescribedTables>()>;

  explicit RelationTracker(Query query) : query_(std::move(query)) {}

  // `tables` is what the archive's newest definition says.
  void Learn(const DescribedTables& tables);
  // Since Learn a definition was passed on, which may never have reached the archive.
  bool uncertain() const { return uncertain_; }

  // For Assembler::set_relation_hook: passes a kDefinition change to `sink` where `relation` is not
  // what the archive knows.
  Result<void> OnRelation(const Relation& relation, TransactionSink* sink);

 private:
  const Query query_;
  void Replace(const DescribedTables& tables);

  std::unordered_map<uint32_t, Relation> known_;  // by oid
  bool uncertain_ = false;
};

}  // namespace trunkline
