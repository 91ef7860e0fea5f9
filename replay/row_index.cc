#include "replay/row_index.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "archive/atomic_file.h"
#include "archive/unsynced_env.h"
#include "replay/rocksdb_slice.h"

namespace trunkline {
namespace {

constexpr size_t kBatchBytes = 1 << 20;
constexpr std::string_view kDatabase = "/rocksdb";

rocksdb::Options RocksOptions() {
  rocksdb::Options options;
  options.info_log = NewNoLog();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  // Memory while writing: two buffers, and what a merge of files needs.
  options.write_buffer_size = 64 << 20;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;
  // Closing is as good as a kill: what counts was flushed.
  options.avoid_flush_during_shutdown = true;
  // Keys come in no order, so that files overlap; they are merged by size, a few at a time, and
  // once more at the end.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 60;
  options.target_file_size_base = 256 << 20;
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  // More threads would only cost a reader, who needs few files, the making of them.
  options.max_open_files = 256;
  options.max_file_opening_threads = 1;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 8 << 10;
  table.format_version = 5;
  // Of a file's index, too, just what leads to the key is read.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.metadata_block_size = 4 << 10;
  table.enable_index_compression = false;
  table.cache_index_and_filter_blocks = true;
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

Error IndexError(const rocksdb::Status& status, const std::string& folder) {
  const std::string what = "the index in " + folder + ": " + status.ToString();
  if (status.IsCorruption()) {
    return Error{ErrorKind::kCorrupt, what, "remove the folder: trunkline index makes it anew"};
  }
  if (status.IsNoSpace()) return Error{ErrorKind::kFailed, what, "free space there"};
  // Another process has the lock: the status says so in words alone.
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return Error{ErrorKind::kBusy, "another process writes the index in " + folder,
                 "wait until it is done"};
  }
  return Error{ErrorKind::kFailed, what, "name another folder with --index, or remove this one"};
}

bool Exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

class RocksCursor final : public HistoryIndex::Cursor {
 public:
  RocksCursor(rocksdb::DB* database, std::string_view prefix, std::string folder)
      : prefix_(prefix), folder_(std::move(folder)) {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    iterator_.reset(database->NewIterator(options));
  }

  void Seek(std::string_view key) override { iterator_->Seek(AsSlice(key)); }
  void Next() override { iterator_->Next(); }
  bool valid() const override {
    return iterator_->Valid() && iterator_->key().starts_with(AsSlice(prefix_));
  }
  std::string_view key() const override { return AsView(iterator_->key()); }
  std::string_view value() const override { return AsView(iterator_->value()); }
  Result<void> status() const override {
    if (iterator_->status().ok()) return {};
    return Fail(IndexError(iterator_->status(), folder_));
  }

 private:
  const std::string prefix_;
  const std::string folder_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// An index is made only where nothing else is.
Result<void> CheckFolder(const std::string& folder) {
  std::error_code error;
  if (Exists(folder + std::string(kDatabase))) return {};
  const std::filesystem::directory_iterator entries(folder, error);
  if (error || entries == std::filesystem::directory_iterator()) return {};
  return Fail(ErrorKind::kInvalidArgument, folder + " holds something else than an index",
              "name an empty folder, or one that is not there yet");
}

}  // namespace

class HistoryIndex::Impl {
 public:
  Impl(rocksdb::DB* database, std::string folder)
      : database_(database), folder_(std::move(folder)) {}

  Result<void> Check(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return Fail(IndexError(status, folder_));
  }

  Result<std::optional<std::string>> Get(std::string_view key) const {
    std::string value;
    const rocksdb::Status status = database_->Get(rocksdb::ReadOptions(), AsSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    TRY(Check(status));
    return std::optional(std::move(value));
  }

  std::unique_ptr<Cursor> Entries(std::string_view prefix) const {
    return std::make_unique<RocksCursor>(database_.get(), prefix, folder_);
  }

  Result<void> Put(std::string_view key, std::string_view value) {
    TRY(Check(batch_.Put(AsSlice(key), AsSlice(value))));
    put_bytes_ += key.size() + value.size();
    return batch_.GetDataSize() < kBatchBytes ? Result<void>() : Write();
  }

  Result<void> Erase(std::string_view key) { return Check(batch_.Delete(AsSlice(key))); }
  uint64_t put_bytes() const { return put_bytes_; }

  Result<void> Write() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    TRY(Check(database_->Write(options, &batch_)));
    batch_.Clear();
    return {};
  }

  Result<void> Flush() {
    TRY(Write());
    return Check(database_->Flush(rocksdb::FlushOptions()));
  }

  Result<void> Compact() {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction =
        rocksdb::BottommostLevelCompaction::kIfHaveCompactionFilter;
    return Check(database_->CompactRange(options, nullptr, nullptr));
  }

 private:
  std::unique_ptr<rocksdb::DB> database_;
  const std::string folder_;
  rocksdb::WriteBatch batch_;
  uint64_t put_bytes_ = 0;
};

HistoryIndex::HistoryIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HistoryIndex::~HistoryIndex() = default;

Result<std::unique_ptr<HistoryIndex>> HistoryIndex::OpenToRead(const std::string& folder) {
  const std::string path = folder + std::string(kDatabase);
  // RocksDB's pointer to what counts: without it a run was cut short before there was anything.
  if (!Exists(path + "/CURRENT")) {
    return Fail(ErrorKind::kNotFound, "there is no index in " + folder);
  }
  rocksdb::DB* database = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(RocksOptions(), path, &database);
  if (!status.ok()) return Fail(IndexError(status, folder));
  return std::unique_ptr<HistoryIndex>(new HistoryIndex(std::make_unique<Impl>(database, folder)));
}

Result<std::unique_ptr<HistoryIndex>> HistoryIndex::OpenToWrite(const std::string& folder) {
  const bool is_new = !Exists(folder);
  TRY(MakeDirectories(folder));
  if (is_new && chmod(folder.c_str(), S_IRWXU) != 0) {
    return Fail(FileError("cannot use " + folder, errno));
  }
  TRY(CheckFolder(folder));
  rocksdb::Options options = RocksOptions();
  options.create_if_missing = true;
  rocksdb::DB* database = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(options, folder + std::string(kDatabase), &database);
  if (!status.ok()) return Fail(IndexError(status, folder));
  return std::unique_ptr<HistoryIndex>(new HistoryIndex(std::make_unique<Impl>(database, folder)));
}

Result<void> HistoryIndex::Remove(const std::string& folder) {
  const rocksdb::Status status =
      rocksdb::DestroyDB(folder + std::string(kDatabase), RocksOptions());
  if (!status.ok()) return Fail(IndexError(status, folder));
  return {};
}

Result<std::optional<std::string>> HistoryIndex::Get(std::string_view key) const {
  return impl_->Get(key);
}
std::unique_ptr<HistoryIndex::Cursor> HistoryIndex::Entries(std::string_view prefix) const {
  return impl_->Entries(prefix);
}
Result<void> HistoryIndex::Put(std::string_view key, std::string_view value) {
  return impl_->Put(key, value);
}
Result<void> HistoryIndex::Erase(std::string_view key) { return impl_->Erase(key); }
uint64_t HistoryIndex::put_bytes() const { return impl_->put_bytes(); }
Result<void> HistoryIndex::Flush() { return impl_->Flush(); }
Result<void> HistoryIndex::Compact() { return impl_->Compact(); }

}  // namespace trunkline
