#include "replay/spilled_rows.h"

#include <rocksdb/slice.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "archive/sha256.h"
#include "replay/big_endian.h"
#include "replay/cell_row.h"
#include "replay/rocksdb_slice.h"
#include "replay/spill_database.h"

namespace trunkline {
namespace {

// Keys of a longer identity are a digest of it.
constexpr size_t kLongestIdentity = 256;
enum KeyForm : char { kWhole = 0, kDigest = 1 };
// Positions kept of a store, so that a row is found by its number; a row in so many, at first.
constexpr size_t kMostPositions = 64 << 10;
constexpr uint64_t kFirstStride = 256;
// Rows that are looked up rather than scanned.
constexpr uint64_t kFewRows = 16;

// A key is the store's prefix and the identity; of an insert-only table, the row's number. A value
// is the packed row, in a multiset after how many there are of it.
class SpilledRows final : public RowStore {
 public:
  SpilledRows(std::shared_ptr<SpillDatabase> database, const RowIdentity& identity)
      : database_(std::move(database)), identity_(identity), prefix_(database_->NewPrefix()) {}
  ~SpilledRows() override { database_->Drop(prefix_); }

  uint64_t row_count() const override { return count_; }
  uint64_t memory_bytes() const override { return 0; }

  Result<bool> Insert(const PackedRow& row, uint64_t) override {
    if (identity_.kind == Kind::kInsertOnly) SetKeyOfNumber();
    if (identity_.kind != Kind::kInsertOnly) SetKey(row.bytes.data());
    return PutNew(row.bytes);
  }

  Result<const char*> Find(const char* row, uint64_t) override {
    SetKey(row);
    ASSIGN_OR_RETURN(const bool found, database_->Get(key_, &found_));
    if (!found) return static_cast<const char*>(nullptr);
    return Parse(AsView(found_)).row;
  }

  Result<void> Replace(const PackedRow& row) override {
    return database_->Put(key_, ValueOf(Parse(AsView(found_)).copies, row.bytes));
  }

  Result<bool> ReplaceIdentity(const PackedRow& row, uint64_t) override {
    const std::string key_before = key_;
    const uint64_t copies_before = Parse(AsView(found_)).copies;
    const std::string row_before(Bytes(AsView(found_)));
    SetKey(row.bytes.data());
    ASSIGN_OR_RETURN(const bool put, PutNew(row.bytes));
    if (!put) return false;
    TRY(TakeOne(key_before, copies_before, row_before));
    return true;
  }

  Result<void> Erase() override {
    return TakeOne(key_, Parse(AsView(found_)).copies, Bytes(AsView(found_)));
  }

  void Clear() override {
    database_->Drop(std::exchange(prefix_, database_->NewPrefix()));
    count_ = 0;
  }

  Result<void> MakeRoom() override { return {}; }
  Result<void> Finish() override;
  Result<void> ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const override;

 private:
  using Kind = RowIdentity::Kind;
  struct Entry {
    uint64_t copies = 1;
    const char* row = nullptr;
  };
  struct Position {
    uint64_t number = 0;  // of the key's first row
    std::string key;
  };

  // Where a visit of rows has come to.
  struct Reader {
    std::unique_ptr<SpillDatabase::Cursor> entries;
    uint64_t number = 0;  // of the first row of the entry at hand
  };

  Reader ReaderAt(uint64_t first, uint64_t count) const;
  Entry Parse(std::string_view value) const {
    Entry entry{.copies = 1, .row = value.data()};
    if (identity_.kind != Kind::kMultiset) return entry;
    entry.copies = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(*entry.row++);
      entry.copies |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return entry;
    }
  }
  std::string_view Bytes(std::string_view value) const {
    return value.substr(static_cast<size_t>(Parse(value).row - value.data()));
  }
  std::string_view ValueOf(uint64_t copies, std::string_view row) {
    if (identity_.kind != Kind::kMultiset) return row;
    value_.clear();
    for (; copies >= 0x80; copies >>= 7) value_.push_back(static_cast<char>(copies | 0x80));
    value_.push_back(static_cast<char>(copies));
    return value_ += row;
  }

  void SetKeyOfNumber() {
    key_ = prefix_;
    AppendBigEndian(next_number_++, &key_);
  }
  void SetKey(const char* row) {
    packed_.clear();
    size_t column = 0;
    for (const uint16_t wanted : identity_.columns) {
      for (; column < wanted; ++column) row = SkipCell(row);
      const char* const first = std::exchange(row, SkipCell(row));
      packed_.append(first, row);
      ++column;
    }
    SetKeyOfIdentity();
  }
  void SetKeyOfIdentity() {
    key_ = prefix_;
    const bool whole = packed_.size() <= kLongestIdentity;
    key_.push_back(whole ? kWhole : kDigest);
    if (whole) {
      key_ += packed_;
      return;
    }
    Sha256 digest;
    digest.Update(packed_);
    key_ += digest.Finish();
  }

  // One more row at key_; false where a keyed one is there.
  Result<bool> PutNew(std::string_view row) {
    uint64_t copies = 1;
    if (identity_.kind != Kind::kInsertOnly) {
      ASSIGN_OR_RETURN(const bool found, database_->Get(key_, &other_));
      if (found && identity_.kind == Kind::kKeyed) return false;
      if (found) copies += Parse(AsView(other_)).copies;
    }
    TRY(database_->Put(key_, ValueOf(copies, row)));
    ++count_;
    return true;
  }

  Result<void> TakeOne(const std::string& key, uint64_t copies, std::string_view row) {
    TRY(copies == 1 ? database_->Delete(key) : database_->Put(key, ValueOf(copies - 1, row)));
    --count_;
    return {};
  }

  const std::shared_ptr<SpillDatabase> database_;
  const RowIdentity identity_;
  std::string prefix_;
  uint64_t count_ = 0;
  uint64_t next_number_ = 0;
  std::string key_;                  // of the change at hand
  rocksdb::PinnableSlice found_;     // by Find, at key_
  rocksdb::PinnableSlice other_;     // scratch
  std::string packed_;               // scratch
  std::string value_;                // scratch
  std::vector<Position> positions_;  // after Finish, ascending
  bool finished_ = false;
  mutable std::mutex mutex_;
  // After Finish, of whoever read a few rows last: the next rows are often near, and an iterator
  // costs more than a row.
  mutable Reader kept_;
};

// Notes positions, at larger and larger distances the more there are.
Result<void> SpilledRows::Finish() {
  found_.Reset();
  other_.Reset();
  uint64_t number = 0;
  uint64_t stride = kFirstStride;
  uint64_t next = 0;
  const auto entries = database_->Entries(prefix_, SpillDatabase::Access::kScan);
  for (entries->Seek(prefix_); entries->valid(); entries->Next()) {
    if (number >= next) {
      if (positions_.size() == kMostPositions) {
        for (size_t i = 0; i < positions_.size() / 2; ++i) {
          positions_[i] = std::move(positions_[2 * i]);
        }
        positions_.resize(positions_.size() / 2);
        stride *= 2;
      }
      positions_.push_back({number, std::string(entries->key())});
      next = number + stride;
    }
    number += Parse(entries->value()).copies;
  }
  finished_ = true;
  return entries->status();
}

// At the entry of the row with this number, or before it.
SpilledRows::Reader SpilledRows::ReaderAt(uint64_t first, uint64_t count) const {
  const auto after = std::upper_bound(
      positions_.begin(), positions_.end(), first,
      [](uint64_t row, const Position& position) { return row < position.number; });
  const Position start{.number = 0, .key = prefix_};
  const Position& nearest = after == positions_.begin() ? start : *(after - 1);
  const bool few = count <= kFewRows;
  Reader reader;
  if (few) {
    const std::scoped_lock lock(mutex_);
    reader = std::move(kept_);
  }
  if (reader.entries == nullptr) {
    using Access = SpillDatabase::Access;
    reader.entries = database_->Entries(prefix_, few ? Access::kLookUp : Access::kScan);
  } else if (reader.entries->valid() && reader.number <= first && reader.number >= nearest.number) {
    return reader;
  }
  reader.number = nearest.number;
  reader.entries->Seek(nearest.key);
  return reader;
}

Result<void> SpilledRows::ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const {
  Reader reader = ReaderAt(first, count);
  for (uint64_t left = count; left > 0 && reader.entries->valid(); reader.entries->Next()) {
    const Entry entry = Parse(reader.entries->value());
    uint64_t copy = first - std::min(first, reader.number);
    for (; copy < entry.copies && left > 0; ++copy, --left) TRY(visit(entry.row));
    if (left == 0) break;
    reader.number += entry.copies;
  }
  TRY(reader.entries->status());
  if (count > kFewRows || !finished_) return {};
  const std::scoped_lock lock(mutex_);
  kept_ = std::move(reader);
  return {};
}

}  // namespace

std::unique_ptr<RowStore> NewSpilledRows(std::shared_ptr<SpillDatabase> database,
                                         const RowIdentity& identity) {
  return std::make_unique<SpilledRows>(std::move(database), identity);
}

}  // namespace trunkline
