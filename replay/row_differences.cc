#include "replay/row_differences.h"

#include <charconv>
#include <string_view>

#include "replay/big_endian.h"

namespace trunkline {
namespace {

constexpr size_t kSortedBytes = 256;  // of each value; rows that agree so far are sorted by number
constexpr size_t kNumbersBytes = 3 * sizeof(uint64_t);

bool IsIntegerType(uint32_t type_oid) {
  return type_oid == 20 || type_oid == 21 || type_oid == 23 || type_oid == 26;
}

// Bytes whose order is that of the values.
void AppendSortKey(const RelationColumn& column, const Value& value, std::string* key) {
  key->push_back(value.state == ValueState::kNull ? 1 : 0);
  int64_t number = 0;
  const char* end = value.bytes.data() + value.bytes.size();
  if (IsIntegerType(column.type_oid) &&
      std::from_chars(value.bytes.data(), end, number).ptr == end) {
    AppendBigEndian(static_cast<uint64_t>(number) ^ (uint64_t{1} << 63), key);
    return;
  }
  key->append(value.bytes.substr(0, kSortedBytes));
  key->push_back('\0');  // which no text holds
}

}  // namespace

RowDifferences::RowDifferences(const MemoryOptions& memory)
    : keys_(memory.bytes, memory.DirectoryOrDefault()) {}

Result<void> RowDifferences::Add(const RowDifference& difference, const Relation& relation,
                                 const std::vector<size_t>& columns, Tuple row) {
  key_.clear();
  for (const size_t column : columns) AppendSortKey(relation.columns[column], row[column], &key_);
  AppendBigEndian(difference.before, &key_);
  AppendBigEndian(difference.after, &key_);
  AppendBigEndian(difference.copies, &key_);
  return keys_.Add(key_);
}

Result<void> RowDifferences::ForEach(
    const std::function<Result<void>(const RowDifference&)>& visit) const {
  return keys_.ForEach([&](std::string_view key) {
    key.remove_prefix(key.size() - kNumbersBytes);
    return visit({.before = GetBigEndian<uint64_t>(key.data()),
                  .after = GetBigEndian<uint64_t>(key.data() + 8),
                  .copies = GetBigEndian<uint64_t>(key.data() + 16)});
  });
}

}  // namespace trunkline
