#include "replay/spilled_rows.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "archive/scratch_folder.h"
#include "archive/sha256.h"
#include "archive/unsynced_env.h"
#include "replay/cell_row.h"
#include "replay/rocksdb_slice.h"

namespace trunkline {
namespace {

constexpr uint64_t kSmallestBuffer = 1 << 20;
constexpr uint64_t kLargestBuffer = 64 << 20;
constexpr uint64_t kSmallestCache = 1 << 20;
constexpr size_t kReadAheadBytes = 256 << 10;
// Keys of a longer identity are a digest of it.
constexpr size_t kLongestIdentity = 256;
enum KeyForm : char { kWhole = 0, kDigest = 1 };
// Positions kept of a store, so that a row is found by its number; a row in so many, at first.
constexpr size_t kMostPositions = 64 << 10;
constexpr uint64_t kFirstStride = 256;

// Big-endian, so that the order of keys is that of numbers.
template <typename Number>
void AppendNumber(Number number, std::string* out) {
  for (size_t i = sizeof number; i-- > 0;) out->push_back(static_cast<char>(number >> (8 * i)));
}

rocksdb::Options DatabaseOptions(rocksdb::Env* env, uint64_t memory_bytes) {
  rocksdb::Options options = ScratchOptions(env);
  options.max_open_files = 256;
  // A quarter of the memory for what is being written, the rest for what is read: filters too, and
  // what finds a row within a file.
  options.write_buffer_size = std::clamp(memory_bytes / 8, kSmallestBuffer, kLargestBuffer);
  options.target_file_size_base = options.write_buffer_size;
  options.max_bytes_for_level_base = 4 * options.write_buffer_size;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(std::max(memory_bytes / 4 * 3, kSmallestCache));
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

class SpillDatabase {
 public:
  explicit SpillDatabase(ScratchFolder folder)
      : folder_(std::move(folder)), env_(NewUnsyncedEnv()) {}

  Result<void> Open(uint64_t memory_bytes) {
    rocksdb::DB* database = nullptr;
    TRY(Check(rocksdb::DB::Open(DatabaseOptions(env_.get(), memory_bytes), folder_.path() + "/rows",
                                &database)));
    database_.reset(database);
    return {};
  }

  // What the keys of a store begin with. No other will have it.
  std::string NewPrefix() {
    std::string prefix;
    AppendNumber(++stores_, &prefix);
    return prefix;
  }

  // Best effort: what stays takes room on the disk until the end.
  void Drop(const std::string& prefix) {
    const std::string end = EndOf(prefix);
    const rocksdb::Slice first = AsSlice(prefix);
    const rocksdb::Slice last = AsSlice(end);
    rocksdb::ColumnFamilyHandle* family = database_->DefaultColumnFamily();
    rocksdb::DeleteFilesInRange(database_.get(), family, &first, &last, false)
        .PermitUncheckedError();
    database_->DeleteRange(Unlogged(), family, first, last).PermitUncheckedError();
  }

  // False where nothing has the key.
  Result<bool> Get(const std::string& key, rocksdb::PinnableSlice* value) const {
    value->Reset();
    const rocksdb::Status status =
        database_->Get(rocksdb::ReadOptions(), database_->DefaultColumnFamily(), key, value);
    if (status.IsNotFound()) return false;
    TRY(Check(status));
    return true;
  }
  Result<void> Put(const std::string& key, std::string_view value) {
    return Check(database_->Put(Unlogged(), key, AsSlice(value)));
  }
  Result<void> Delete(const std::string& key) { return Check(database_->Delete(Unlogged(), key)); }

  // Visits keys and values with the prefix, from `first` on, until `visit` says false.
  Result<void> ForEach(const std::string& prefix, const std::string& first,
                       const std::function<Result<bool>(std::string_view key,
                                                        std::string_view value)>& visit) const {
    const std::string end = EndOf(prefix);
    const rocksdb::Slice bound = AsSlice(end);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &bound;
    options.readahead_size = kReadAheadBytes;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> rows(database_->NewIterator(options));
    for (rows->Seek(first); rows->Valid(); rows->Next()) {
      ASSIGN_OR_RETURN(const bool more, visit(AsView(rows->key()), AsView(rows->value())));
      if (!more) return {};
    }
    return Check(rows->status());
  }

 private:
  static rocksdb::WriteOptions Unlogged() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return options;
  }

  static std::string EndOf(std::string prefix) {
    for (size_t i = prefix.size(); i-- > 0;) {
      if (++reinterpret_cast<unsigned char&>(prefix[i]) != 0) break;
    }
    return prefix;
  }

  Result<void> Check(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return Fail(
        ErrorKind::kUnavailable, "cannot keep rows in " + folder_.path() + ": " + status.ToString(),
        status.IsNoSpace()
            ? "free space there, name another folder with --temp-dir, or allow more --memory"
            : "check the disk, or name another folder with --temp-dir");
  }

  const ScratchFolder folder_;
  const std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> database_;
  uint32_t stores_ = 0;
};

namespace {

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
    AppendNumber(next_number_++, &key_);
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
};

// Notes positions, at larger and larger distances the more there are.
Result<void> SpilledRows::Finish() {
  found_.Reset();
  other_.Reset();
  uint64_t number = 0;
  uint64_t stride = kFirstStride;
  uint64_t next = 0;
  return database_->ForEach(prefix_, prefix_,
                            [&](std::string_view key, std::string_view value) -> Result<bool> {
                              if (number >= next) {
                                if (positions_.size() == kMostPositions) {
                                  for (size_t i = 0; i < positions_.size() / 2; ++i) {
                                    positions_[i] = std::move(positions_[2 * i]);
                                  }
                                  positions_.resize(positions_.size() / 2);
                                  stride *= 2;
                                }
                                positions_.push_back({number, std::string(key)});
                                next = number + stride;
                              }
                              number += Parse(value).copies;
                              return true;
                            });
}

Result<void> SpilledRows::ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const {
  Position at{.number = 0, .key = prefix_};
  const auto after = std::upper_bound(
      positions_.begin(), positions_.end(), first,
      [](uint64_t row, const Position& position) { return row < position.number; });
  if (after != positions_.begin()) at = *(after - 1);
  uint64_t left = count;
  return database_->ForEach(
      prefix_, at.key, [&](std::string_view, std::string_view value) -> Result<bool> {
        const Entry entry = Parse(value);
        const uint64_t skipped = std::min(entry.copies, first - std::min(first, at.number));
        at.number += entry.copies;
        if (skipped == entry.copies) return true;
        for (uint64_t i = skipped; i < entry.copies && left > 0; ++i, --left) TRY(visit(entry.row));
        return left > 0;
      });
}

}  // namespace

Result<std::shared_ptr<SpillDatabase>> OpenSpillDatabase(const std::string& directory,
                                                         uint64_t memory_bytes) {
  ASSIGN_OR_RETURN(ScratchFolder folder, ScratchFolder::Make(directory));
  auto database = std::make_shared<SpillDatabase>(std::move(folder));
  TRY(database->Open(memory_bytes));
  return database;
}

std::unique_ptr<RowStore> NewSpilledRows(std::shared_ptr<SpillDatabase> database,
                                         const RowIdentity& identity) {
  return std::make_unique<SpilledRows>(std::move(database), identity);
}

}  // namespace trunkline
