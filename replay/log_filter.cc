#include "replay/log_filter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "replay/row_key.h"
#include "replay/table_filter.h"

namespace trunkline {
namespace {

std::optional<int64_t> AsInteger(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool KeyEquals(const Relation& relation, Tuple tuple, const std::vector<std::string>& key) {
  size_t next = 0;
  for (size_t i = 0; i < tuple.size(); ++i) {
    if (!relation.columns[i].key) continue;
    if (tuple[i].state != ValueState::kText || tuple[i].bytes != key[next++]) return false;
  }
  return true;
}

}  // namespace

Result<LogFilter> LogFilter::Make(std::string table, const std::optional<std::string>& key) {
  LogFilter filter;
  filter.table_ = std::move(table);
  if (!key) return filter;
  if (filter.table_.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--key needs --table");
  }
  ASSIGN_OR_RETURN(filter.key_, ParseCsvKey(*key));
  filter.first_key_ = AsInteger(filter.key_.front());
  return filter;
}

bool LogFilter::NamesTable(const Relation& relation) const {
  return all() || Names(table_, {relation.schema, relation.name});
}

bool LogFilter::MayMatch(const SegmentReader& reader, const BlockStats& block) const {
  if (all()) return true;
  return std::any_of(
      block.relations.begin(), block.relations.end(), [&](const BlockRelationStats& stats) {
        if (!NamesTable(reader.relations()[stats.relation_index])) return false;
        const bool outside = first_key_ && stats.has_key_range &&
                             (*first_key_ < stats.key_min || *first_key_ > stats.key_max);
        return !outside || stats.truncates > 0;
      });
}

Result<bool> LogFilter::Matches(const Change& change) const {
  if (all()) return true;
  if (change.operation == Operation::kTruncate) {
    return std::any_of(change.truncated.begin(), change.truncated.end(),
                       [this](const Relation* relation) { return NamesTable(*relation); });
  }
  if (change.relation == nullptr || !NamesTable(*change.relation)) return false;
  if (key_.empty()) return true;
  return MatchesKey(*change.relation, change);
}

Result<bool> LogFilter::MatchesKey(const Relation& relation, const Change& change) const {
  const auto width =
      static_cast<size_t>(std::count_if(relation.columns.begin(), relation.columns.end(),
                                        [](const RelationColumn& column) { return column.key; }));
  if (width != key_.size()) {
    return Fail(ErrorKind::kInvalidArgument,
                "--key has " + std::to_string(key_.size()) +
                    " values, and the replica identity of " + relation.schema + "." +
                    relation.name + " has " + std::to_string(width) + " columns",
                "write the values with commas between, quoted as in CSV where they hold one");
  }
  return (!change.old_tuple.empty() && KeyEquals(relation, change.old_tuple, key_)) ||
         (!change.new_tuple.empty() && KeyEquals(relation, change.new_tuple, key_));
}

}  // namespace trunkline
