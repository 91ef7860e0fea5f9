// LogFilter: which changes `trunkline log` shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/segment_reader.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

class LogFilter {
 public:
  // `table` is "table" or "schema.table", or empty for everything; `key` the values of the replica
  // identity's columns in their order, with commas between and quoted as in CSV, or nothing.
  static Result<LogFilter> Make(std::string table, const std::optional<std::string>& key);

  bool all() const { return table_.empty(); }
  bool NamesTable(const Relation& relation) const;
  // Whether a block can hold a change that matches.
  bool MayMatch(const SegmentReader& reader, const BlockStats& block) const;
  // kInvalidArgument when the change's table has no key of as many columns as are asked for.
  Result<bool> Matches(const Change& change) const;

 private:
  Result<bool> MatchesKey(const Relation& relation, const Change& change) const;

  std::string table_;
  std::vector<std::string> key_;      // one a column; empty: any row
  std::optional<int64_t> first_key_;  // where it is an integer
};

}  // namespace trunkline
