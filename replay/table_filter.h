// TableFilter: which relations of an archive to fold, when only some tables are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/definition.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/state.h"

namespace trunkline {

// Whether `asked`, "schema.table" or "table", names `table`.
bool Names(std::string_view asked, const QualifiedName& table);

// A table can be renamed on its way to the target, so a relation is wanted when any of its names
// is asked for; the state then leaves out what does not bear the name in the end.
class TableFilter {
 public:
  explicit TableFilter(const StateOptions& options) : options_(options) {}

  bool all() const { return options_.tables.empty() && !options_.wanted; }
  // Learns the names of what a snapshot and the segments after it hold. Reads their footers, and
  // the blocks with messages for definitions.
  Result<void> Learn(std::span<const SnapshotPart> parts, const Definition& definition,
                     const Store& store, std::span<const ObjectInfo> segments);
  bool Wants(uint32_t oid) const;

 private:
  void See(uint32_t oid, const QualifiedName& name, const Definition& definition);
  void SeeAll(const Definition& definition);

  struct Verdict {
    bool named = false;   // by options_.tables, under any of its names
    bool chosen = false;  // by options_.wanted
  };

  const StateOptions& options_;
  std::unordered_map<uint32_t, Verdict> verdicts_;
};

}  // namespace trunkline
