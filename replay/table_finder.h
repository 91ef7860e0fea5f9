// TableFinder: which table a name means, over a range in which tables are made, renamed and
// dropped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "replay/row_event.h"

namespace trunkline {

class TableFinder final : public RowSink {
 public:
  Result<void> Take(uint32_t oid, const RowEvent& event) override;
  bool takes_rows() const override { return false; }
  bool WantsRows(const TableShape&, const BlockRelationStats&) const override { return false; }

  // The same as Take, for whoever knows just the names.
  void NoteName(uint32_t oid, QualifiedName name);
  void NoteGone(uint32_t oid);
  // The range begins here: what was before it counts no more.
  void BeginRange();

  // The OID of the table that has the name at the end, or else of the one that had it before.
  // kNotFound where there is none, kInvalidArgument where there are several: "table" alone leaves
  // the schema open.
  Result<uint32_t> Find(const std::string& asked) const;
  // The newest that Take was given; null where it was given none.
  std::shared_ptr<const TableShape> ShapeOf(uint32_t oid) const;

 private:
  struct Table {
    std::shared_ptr<const TableShape> shape;
    QualifiedName name;             // the newest
    std::set<QualifiedName> names;  // all that it had in the range
    uint64_t named_at = 0;          // number of the event that gave it the newest
    bool gone = false;
  };

  std::map<uint32_t, Table> tables_;  // by OID
  uint64_t events_ = 0;
};

}  // namespace trunkline
