#include "archive/block_decoder.h"

#include <array>
#include <unordered_map>
#include <utility>

#include "archive/block_contents.h"
#include "archive/block_format.h"
#include "archive/block_scratch.h"
#include "archive/segment_format.h"

namespace trunkline {
namespace {

constexpr uint32_t kNoRows = UINT32_MAX;

// A ChangeKind: the change without its values, and where its images are.
struct DecodedKind {
  Change change;
  uint32_t rows = kNoRows;  // into the block's ImageLists
  std::array<ImageRole, 2> roles = {};
  uint32_t images = 0;
};

bool IsOperation(uint8_t code) {
  switch (static_cast<Operation>(code)) {
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kDelete:
    case Operation::kTruncate:
    case Operation::kMessage:
    case Operation::kDefinition:
    case Operation::kRaw:
      return true;
  }
  return false;
}

bool IsOldKind(Operation operation, uint8_t code) {
  switch (static_cast<OldTupleKind>(code)) {
    case OldTupleKind::kNone:
      return operation != Operation::kDelete;
    case OldTupleKind::kKey:
    case OldTupleKind::kFull:
      return operation != Operation::kInsert;
  }
  return false;
}

void AddRoles(DecodedKind* kind) {
  const OldTupleKind old_kind = kind->change.old_kind;
  if (old_kind != OldTupleKind::kNone) {
    kind->roles[kind->images++] =
        old_kind == OldTupleKind::kKey ? ImageRole::kOldKey : ImageRole::kOldFull;
  }
  if (kind->change.operation == Operation::kDelete) return;
  const ImageRole updated =
      old_kind == OldTupleKind::kNone ? ImageRole::kUpdated : ImageRole::kUpdatedFromOld;
  kind->roles[kind->images++] =
      kind->change.operation == Operation::kInsert ? ImageRole::kInserted : updated;
}

class BlockDecoder {
 public:
  BlockDecoder(std::span<const Relation> relations, DecodedBlock::Storage* storage)
      : relations_(relations),
        storage_(*storage),
        in_(storage->scratch->in),
        columns_(storage->scratch->columns),
        ints_(storage->scratch->ints),
        cells_(storage->scratch->cells),
        texts_(storage->scratch->texts),
        rows_of_change_(storage->scratch->rows_of_change),
        images_(storage->scratch->images),
        truncates_(storage->scratch->truncates),
        messages_(storage->scratch->messages) {
    truncates_.clear();
    messages_.clear();
  }

  Result<void> Decode(BlockForm form) {
    TRY(in_.Open(storage_.encoded));
    TRY(ReadSlices());
    TRY(ReadChanges());
    TRY(ReadTruncates());
    TRY(ReadMessages());
    TRY(ReadRows());
    TRY(in_.ExpectEnd());
    if (form == BlockForm::kTuples) MakeTuples();
    return {};
  }

 private:
  Result<void> ReadInts(size_t count) { return columns_.DecodeInts(count, &ints_); }
  Result<void> ReadTexts(size_t count);

  Result<void> ReadSlices();
  Result<void> ReadSliceSizes();
  Result<void> ReadLsns();
  Result<void> ReadChanges();
  Result<std::vector<DecodedKind>> ReadKinds(size_t max_kinds);
  Result<void> ReadTruncates();
  Result<void> ReadMessages();
  Result<void> ReadRows();
  void MakeTuples();
  Value* AddText(const CellRows& rows, Value* values);
  void AddImageList(const Relation& relation);
  std::span<const ImageList> images() const { return std::span(images_).first(image_lists_); }

  std::span<const Relation> relations_;
  DecodedBlock::Storage& storage_;
  // Of the scratch memory.
  StreamReader& in_;
  ColumnDecoder& columns_;
  std::vector<int64_t>& ints_;
  std::vector<Cell>& cells_;
  std::vector<std::string_view>& texts_;
  std::vector<uint32_t>& rows_of_change_;
  std::vector<ImageList>& images_;
  std::vector<size_t>& truncates_;
  std::vector<size_t>& messages_;
  size_t image_lists_ = 0;  // of images_, in use
};

Result<void> BlockDecoder::ReadTexts(size_t count) {
  TRY(columns_.Decode(count, {}, &cells_));
  texts_.resize(count);
  char* const first = storage_.arena.Reserve(count * kMaxFormattedBytes);
  char* end = first;
  ValueFormatter formatter;
  for (size_t i = 0; i < count; ++i) texts_[i] = ValueOf(cells_[i], &formatter, &end).bytes;
  storage_.arena.Commit(static_cast<size_t>(end - first));
  return {};
}

Result<void> BlockDecoder::ReadSlices() {
  ASSIGN_OR_RETURN(const uint64_t count, in_.Count(format::kMaxBlockSlices));
  ASSIGN_OR_RETURN(const uint8_t flags, in_.Byte());
  if (count == 0 || (flags & ~block_format::kAllFlags) != 0) return MalformedBlock("transactions");
  std::vector<TransactionSlice>& slices = storage_.slices;
  slices.resize(count);
  for (TransactionSlice& slice : slices) slice = {{}, true, true, 0, 0};
  slices.front().begins = (flags & block_format::kFirstContinues) == 0;
  slices.back().ends = (flags & block_format::kLastIsOpen) == 0;
  TRY(ReadSliceSizes());
  TRY(ReadInts(count));
  for (size_t i = 0; i < count; ++i) {
    if (ints_[i] < 0 || ints_[i] > UINT32_MAX) return MalformedBlock("transaction id");
    slices[i].info.xid.value = static_cast<uint32_t>(ints_[i]);
  }
  TRY(ReadLsns());
  TRY(ReadInts(count));
  for (size_t i = 0; i < count; ++i) slices[i].info.commit_time.micros = ints_[i];
  TRY(ReadInts(count));
  for (size_t i = 0; i < count; ++i) {
    slices[i].info.origin_lsn.value = static_cast<uint64_t>(ints_[i]);
  }
  TRY(ReadTexts(count));
  for (size_t i = 0; i < count; ++i) slices[i].info.origin = texts_[i];
  TRY(ReadTexts(count));
  for (size_t i = 0; i < count; ++i) slices[i].info.gid = texts_[i];
  return {};
}

Result<void> BlockDecoder::ReadSliceSizes() {
  TRY(ReadInts(storage_.slices.size()));
  uint64_t changes = 0;
  for (size_t i = 0; i < storage_.slices.size(); ++i) {
    const auto size = static_cast<uint64_t>(ints_[i]);
    if (size > format::kMaxBlockChanges - changes) return MalformedBlock("changes");
    storage_.slices[i].first_change = changes;
    storage_.slices[i].change_count = size;
    changes += size;
  }
  return {};
}

Result<void> BlockDecoder::ReadLsns() {
  std::vector<TransactionSlice>& slices = storage_.slices;
  ASSIGN_OR_RETURN(uint64_t previous, in_.Varint());
  TRY(ReadInts(slices.size()));
  std::vector<int64_t> records;
  TRY(columns_.DecodeInts(slices.size() - (slices.back().ends ? 0 : 1), &records));
  for (size_t i = 0; i < slices.size(); ++i) {
    TransactionInfo& info = slices[i].info;
    info.commit_lsn.value = previous + static_cast<uint64_t>(ints_[i]);
    if (!slices[i].ends) break;
    info.end_lsn.value = info.commit_lsn.value + static_cast<uint64_t>(records[i]);
    previous = info.end_lsn.value;
  }
  return {};
}

Result<void> BlockDecoder::ReadChanges() {
  const TransactionSlice& last = storage_.slices.back();
  ASSIGN_OR_RETURN(const uint64_t count, in_.Count(format::kMaxBlockChanges));
  if (count != last.first_change + last.change_count) return MalformedBlock("changes");
  ASSIGN_OR_RETURN(const std::vector<DecodedKind> kinds, ReadKinds(count));
  TRY(ReadInts(count));
  storage_.changes.reserve(count);
  rows_of_change_.resize(count);
  size_t i = 0;
  for (uint32_t slice = 0; slice < storage_.slices.size(); ++slice) {
    for (const size_t end = i + storage_.slices[slice].change_count; i < end; ++i) {
      if (static_cast<uint64_t>(ints_[i]) >= kinds.size()) {
        return MalformedBlock("kind of a change");
      }
      const DecodedKind& kind = kinds[static_cast<size_t>(ints_[i])];
      storage_.changes.push_back(kind.change);
      rows_of_change_[i] = kind.rows;
      if (kind.rows == kNoRows) {
        (kind.change.operation == Operation::kTruncate ? truncates_ : messages_).push_back(i);
        continue;
      }
      ImageList& images = images_[kind.rows];
      images.roles.insert(images.roles.end(), kind.roles.begin(), kind.roles.begin() + kind.images);
      images.slices.insert(images.slices.end(), kind.images, slice);
    }
  }
  storage_.has_messages = !messages_.empty();
  return {};
}

Result<std::vector<DecodedKind>> BlockDecoder::ReadKinds(size_t max_kinds) {
  ASSIGN_OR_RETURN(const uint64_t count, in_.Count(max_kinds));
  std::vector<DecodedKind> kinds;
  std::unordered_map<uint64_t, uint32_t> rows_of_relation;
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const uint8_t operation, in_.Byte());
    if (!IsOperation(operation)) return MalformedBlock("operation");
    DecodedKind kind;
    kind.change.operation = static_cast<Operation>(operation);
    if (HasRows(kind.change.operation)) {
      ASSIGN_OR_RETURN(const uint8_t old_kind, in_.Byte());
      ASSIGN_OR_RETURN(const uint64_t relation, in_.Varint());
      if (!IsOldKind(kind.change.operation, old_kind)) return MalformedBlock("kind of old tuple");
      if (relation >= relations_.size()) return MalformedBlock("relation");
      kind.change.old_kind = static_cast<OldTupleKind>(old_kind);
      kind.change.relation = &relations_[relation];
      AddRoles(&kind);
      const auto [at, is_new] =
          rows_of_relation.try_emplace(relation, static_cast<uint32_t>(image_lists_));
      if (is_new) AddImageList(*kind.change.relation);
      kind.rows = at->second;
    }
    kinds.push_back(kind);
  }
  return kinds;
}

void BlockDecoder::AddImageList(const Relation& relation) {
  if (images_.size() == image_lists_) images_.emplace_back();
  ImageList& list = images_[image_lists_++];
  list.relation = &relation;
  list.roles.clear();
  list.slices.clear();
}

Result<void> BlockDecoder::ReadTruncates() {
  TRY(ReadInts(truncates_.size()));
  for (size_t i = 0; i < truncates_.size(); ++i) {
    if (ints_[i] < 0 || ints_[i] > UINT8_MAX) return MalformedBlock("flags of a truncate");
    storage_.changes[truncates_[i]].truncate_flags = static_cast<uint8_t>(ints_[i]);
  }
  std::vector<int64_t> sizes;
  TRY(columns_.DecodeInts(truncates_.size(), &sizes));
  uint64_t total = 0;
  for (const int64_t size : sizes) {
    if (static_cast<uint64_t>(size) > format::kMaxBlockCells - total) {
      return MalformedBlock("relations of a truncate");
    }
    total += static_cast<uint64_t>(size);
  }
  TRY(ReadInts(total));
  storage_.truncated.resize(total);
  for (size_t i = 0; i < total; ++i) {
    if (static_cast<uint64_t>(ints_[i]) >= relations_.size()) return MalformedBlock("relation");
    storage_.truncated[i] = &relations_[static_cast<size_t>(ints_[i])];
  }
  std::span<const Relation* const> rest(storage_.truncated);
  for (size_t i = 0; i < truncates_.size(); ++i) {
    const auto size = static_cast<size_t>(sizes[i]);
    storage_.changes[truncates_[i]].truncated = rest.first(size);
    rest = rest.subspan(size);
  }
  return {};
}

Result<void> BlockDecoder::ReadMessages() {
  TRY(ReadInts(messages_.size()));
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (ints_[i] < 0 || ints_[i] > 1) return MalformedBlock("flags of a message");
    storage_.changes[messages_[i]].transactional = ints_[i] == 1;
  }
  TRY(ReadInts(messages_.size()));
  for (size_t i = 0; i < messages_.size(); ++i) {
    storage_.changes[messages_[i]].message_lsn.value = static_cast<uint64_t>(ints_[i]);
  }
  TRY(ReadTexts(messages_.size()));
  for (size_t i = 0; i < messages_.size(); ++i) {
    storage_.changes[messages_[i]].prefix = texts_[i];
    storage_.raw_bytes += texts_[i].size();
  }
  TRY(ReadTexts(messages_.size()));
  for (size_t i = 0; i < messages_.size(); ++i) {
    storage_.changes[messages_[i]].content = texts_[i];
    storage_.raw_bytes += texts_[i].size();
  }
  return {};
}

Result<void> BlockDecoder::ReadRows() {
  uint64_t total = 0;
  for (const ImageList& images : images()) {
    total += images.roles.size() * images.relation->columns.size();
    if (total > format::kMaxBlockCells) return MalformedBlock("more values than a block may have");
  }
  storage_.cells.resize(total);
  std::vector<int64_t> commit_times;
  for (const TransactionSlice& slice : storage_.slices) {
    commit_times.push_back(slice.info.commit_time.micros);
  }
  TransactionClock clock(std::move(commit_times));
  std::span<Cell> rest(storage_.cells);
  for (const ImageList& images : images()) {
    const size_t size = images.roles.size() * images.relation->columns.size();
    TRY(storage_.scratch->rows.Decode(images, &clock, rest.first(size)));
    storage_.rows.push_back({images.relation, images.roles.size(), rest.first(size)});
    rest = rest.subspan(size);
  }
  return {};
}

void BlockDecoder::MakeTuples() {
  storage_.values.resize(storage_.cells.size());
  std::vector<const Value*> next;  // tuple of each relation
  Value* values = storage_.values.data();
  for (const CellRows& rows : storage_.rows) {
    next.push_back(values);
    values = AddText(rows, values);
  }
  for (size_t i = 0; i < storage_.changes.size(); ++i) {
    if (rows_of_change_[i] == kNoRows) continue;
    Change& change = storage_.changes[i];
    const size_t columns = change.relation->columns.size();
    const auto take = [&] {
      return Tuple(std::exchange(next[rows_of_change_[i]], next[rows_of_change_[i]] + columns),
                   columns);
    };
    if (change.old_kind != OldTupleKind::kNone) change.old_tuple = take();
    if (change.operation != Operation::kDelete) change.new_tuple = take();
  }
}

// Fills `values` with the rows, one after another, and yields their end.
Value* BlockDecoder::AddText(const CellRows& rows, Value* values) {
  const size_t columns = rows.relation->columns.size();
  std::vector<ValueFormatter> formatters(columns);
  for (size_t row = 0; row < rows.rows; ++row) {
    char* const first = storage_.arena.Reserve(columns * kMaxFormattedBytes);
    char* end = first;
    for (size_t column = 0; column < columns; ++column) {
      *values = ValueOf(rows.cell(row, column), &formatters[column], &end);
      storage_.raw_bytes += (values++)->bytes.size();
    }
    storage_.arena.Commit(static_cast<size_t>(end - first));
  }
  return values;
}

}  // namespace

Result<void> DecodeBlock(std::span<const Relation> relations, BlockForm form,
                         DecodedBlock::Storage* storage) {
  storage->arena.Clear();
  storage->slices.clear();
  storage->changes.clear();
  storage->rows.clear();
  storage->raw_bytes = 0;
  storage->has_messages = false;
  return BlockDecoder(relations, storage).Decode(form);
}

}  // namespace trunkline
