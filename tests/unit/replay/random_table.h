// RandomTable: a table that changes at random, and the rows that it must hold.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "replay/state.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {

using PlainRow = std::vector<std::optional<std::string>>;

// New rows go to the end, changed ones keep their place.
class RandomTable {
 public:
  RandomTable(Relation relation, std::mt19937* random)
      : relation_(std::move(relation)), random_(random) {}

  const Relation& relation() const { return relation_; }
  const std::vector<PlainRow>& rows() const { return rows_; }

  // One change more; seldom a TRUNCATE.
  ChangeSpec Step();

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(*random_); }
  std::optional<std::string> NewValue();
  bool full() const { return relation_.identity == ReplicaIdentity::kFull; }
  bool keyed() const { return !full() && relation_.identity != ReplicaIdentity::kNothing; }
  PlainRow Key(const PlainRow& row) const;
  bool Taken(const PlainRow& key) const;
  PlainRow NewRow();
  ChangeSpec AddRow();
  ChangeSpec ChangeRow(size_t at);
  ChangeSpec RemoveRow(size_t at);

  Relation relation_;
  std::mt19937* random_;
  std::vector<PlainRow> rows_;
};

// With each kind of replica identity one: "keyed", "pair", "full" and "log".
std::vector<RandomTable> RandomTables(std::mt19937* random);

// The rows of a table in the state, in their order.
std::vector<PlainRow> RowsOf(const DatabaseState& state, const Relation& relation);

}  // namespace trunkline::test
