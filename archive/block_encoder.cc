#include "archive/block_encoder.h"

#include "archive/block_format.h"
#include "archive/column_codec.h"
#include "archive/int_codec.h"
#include "archive/row_encoder.h"
#include "archive/text_codec.h"
#include "base/check.h"

namespace trunkline {
namespace {

// Integers of each element of `range`, by `get`.
template <typename Range, typename Get>
void PutInts(const Range& range, const Get& get, StreamWriter* out) {
  std::vector<int64_t> ints;
  ints.reserve(range.size());
  for (const auto& element : range) ints.push_back(static_cast<int64_t>(get(element)));
  EncodeInts(ints, {}, out);
}

template <typename Range, typename Get>
void PutTexts(const Range& range, const Get& get, StreamWriter* out) {
  std::vector<Value> values;
  values.reserve(range.size());
  for (const auto& element : range) values.push_back({ValueState::kText, get(element)});
  EncodeColumn(values, {}, out);
}

// Commit LSNs as the WAL since the transaction before, ends as the size of the commit record.
void PutLsns(const BlockContents& contents, StreamWriter* out) {
  uint64_t previous = contents.slices.front().info.commit_lsn.value;
  out->PutVarint(previous);
  std::vector<int64_t> steps;
  std::vector<int64_t> records;
  for (size_t i = 0; i < contents.slices.size(); ++i) {
    const TransactionInfo& info = contents.slices[i].info;
    steps.push_back(static_cast<int64_t>(info.commit_lsn.value - previous));
    const bool ends = i + 1 < contents.slices.size() || !contents.last_is_open;
    if (ends) records.push_back(static_cast<int64_t>(info.end_lsn.value - info.commit_lsn.value));
    previous = info.end_lsn.value;
  }
  EncodeInts(steps, {}, out);
  EncodeInts(records, {}, out);
}

void PutSlices(const BlockContents& contents, StreamWriter* out) {
  const std::vector<StoredSlice>& slices = contents.slices;
  out->PutVarint(slices.size());
  out->PutByte((contents.first_continues ? block_format::kFirstContinues : 0) |
               (contents.last_is_open ? block_format::kLastIsOpen : 0));
  PutInts(
      slices, [](const StoredSlice& slice) { return slice.changes; }, out);
  PutInts(
      slices, [](const StoredSlice& slice) { return slice.info.xid.value; }, out);
  PutLsns(contents, out);
  PutInts(
      slices, [](const StoredSlice& slice) { return slice.info.commit_time.micros; }, out);
  PutInts(
      slices, [](const StoredSlice& slice) { return slice.info.origin_lsn.value; }, out);
  PutTexts(
      slices, [](const StoredSlice& slice) -> std::string_view { return slice.info.origin; }, out);
  PutTexts(
      slices, [](const StoredSlice& slice) -> std::string_view { return slice.info.gid; }, out);
}

void PutChanges(const BlockContents& contents, StreamWriter* out) {
  out->PutVarint(contents.changes.size());
  out->PutVarint(contents.kinds.size());
  for (const ChangeKind& kind : contents.kinds) {
    out->PutByte(static_cast<uint8_t>(kind.operation));
    if (!HasRows(kind.operation)) continue;
    out->PutByte(static_cast<uint8_t>(kind.old_kind));
    out->PutVarint(kind.relation_index);
  }
  PutInts(
      contents.changes, [](uint32_t kind) { return kind; }, out);
}

void PutTruncates(const std::vector<StoredTruncate>& truncates, StreamWriter* out) {
  PutInts(
      truncates, [](const StoredTruncate& truncate) { return truncate.flags; }, out);
  PutInts(
      truncates, [](const StoredTruncate& truncate) { return truncate.relation_indexes.size(); },
      out);
  std::vector<int64_t> relations;
  for (const StoredTruncate& truncate : truncates) {
    relations.insert(relations.end(), truncate.relation_indexes.begin(),
                     truncate.relation_indexes.end());
  }
  EncodeInts(relations, {}, out);
}

void PutMessages(const std::vector<StoredMessage>& messages, StreamWriter* out) {
  PutInts(
      messages, [](const StoredMessage& message) { return message.transactional; }, out);
  PutInts(
      messages, [](const StoredMessage& message) { return message.lsn.value; }, out);
  PutTexts(
      messages, [](const StoredMessage& message) -> std::string_view { return message.prefix; },
      out);
  PutTexts(
      messages, [](const StoredMessage& message) -> std::string_view { return message.content; },
      out);
}

}  // namespace

void EncodeBlock(const BlockContents& contents, StreamWriter* stream, std::string* out) {
  CHECK(!contents.slices.empty());
  PutSlices(contents, stream);
  PutChanges(contents, stream);
  PutTruncates(contents.truncates, stream);
  PutMessages(contents.messages, stream);
  std::vector<int64_t> commit_times;
  commit_times.reserve(contents.slices.size());
  for (const StoredSlice& slice : contents.slices) {
    commit_times.push_back(slice.info.commit_time.micros);
  }
  TransactionClock clock(std::move(commit_times));
  for (const RelationRows& rows : contents.relations) {
    EncodeRows(contents, rows, &clock, stream);
  }
  stream->Finish(out);
}

}  // namespace trunkline
