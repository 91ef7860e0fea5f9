#include "archive/block_stats.h"

#include <algorithm>
#include <map>

#include "archive/value_format.h"

namespace trunkline {
namespace {

void AddSlices(const BlockContents& contents, BlockStats* stats) {
  stats->transactions = contents.slices.size() - (contents.last_is_open ? 1 : 0);
  stats->commit_lsn_min = stats->commit_lsn_max = contents.slices.front().info.commit_lsn;
  bool timed = false;
  for (const StoredSlice& slice : contents.slices) {
    stats->commit_lsn_min = std::min(stats->commit_lsn_min, slice.info.commit_lsn);
    stats->commit_lsn_max = std::max(stats->commit_lsn_max, slice.info.commit_lsn);
    if (!slice.info.xid.valid()) continue;  // has no commit time
    const Timestamp time = slice.info.commit_time;
    stats->commit_time_min = timed ? std::min(stats->commit_time_min, time) : time;
    stats->commit_time_max = timed ? std::max(stats->commit_time_max, time) : time;
    timed = true;
  }
}

uint64_t& CounterOf(Operation operation, BlockRelationStats* stats) {
  if (operation == Operation::kInsert) return stats->inserts;
  return operation == Operation::kUpdate ? stats->updates : stats->deletes;
}

// The range of the first replica identity column, when all its values are integers.
void AddKeyRange(const BlockContents& contents, const RelationRows& rows,
                 BlockRelationStats* stats) {
  const std::vector<uint32_t> key = KeyColumns(*rows.relation);
  if (key.empty()) return;
  const size_t columns = rows.relation->columns.size();
  int64_t smallest = INT64_MAX;
  int64_t largest = INT64_MIN;
  for (size_t image = 0; image < rows.roles.size(); ++image) {
    const StoredValue& value = rows.values[image * columns + key.front()];
    int64_t number = 0;
    if (value.state != ValueState::kText ||
        !ParseValue({ValueType::kDecimal, 0}, contents.Text(value), &number)) {
      return;
    }
    smallest = std::min(smallest, number);
    largest = std::max(largest, number);
  }
  stats->has_key_range = true;
  stats->key_min = smallest;
  stats->key_max = largest;
}

uint64_t RawBytes(const RelationRows& rows) {
  uint64_t bytes = 0;
  for (const StoredValue& value : rows.values) bytes += value.size;
  return bytes;
}

}  // namespace

BlockStats StatsOf(const BlockContents& contents) {
  BlockStats stats;
  stats.raw_size = contents.raw_bytes;
  stats.changes = contents.changes.size();
  stats.has_messages = !contents.messages.empty();
  AddSlices(contents, &stats);

  std::map<uint32_t, BlockRelationStats> relations;  // by index: their order in the footer
  std::vector<uint64_t> changes_of_kind(contents.kinds.size());
  for (const uint32_t kind : contents.changes) ++changes_of_kind[kind];
  for (size_t i = 0; i < contents.kinds.size(); ++i) {
    const ChangeKind& kind = contents.kinds[i];
    if (!HasRows(kind.operation)) continue;
    CounterOf(kind.operation, &relations[kind.relation_index]) += changes_of_kind[i];
  }
  for (const StoredTruncate& truncate : contents.truncates) {
    for (const uint32_t relation : truncate.relation_indexes) ++relations[relation].truncates;
  }
  for (const RelationRows& rows : contents.relations) {
    BlockRelationStats& relation = relations[rows.relation_index];
    relation.raw_bytes = RawBytes(rows);
    AddKeyRange(contents, rows, &relation);
  }
  for (auto& [index, relation] : relations) {
    relation.relation_index = index;
    stats.relations.push_back(relation);
  }
  return stats;
}

}  // namespace trunkline
