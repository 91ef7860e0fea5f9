#include "replay/spill_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <utility>

#include "archive/unsynced_env.h"
#include "replay/big_endian.h"

namespace trunkline {
namespace {

constexpr uint64_t kSmallestBuffer = 1 << 20;
constexpr uint64_t kLargestBuffer = 64 << 20;
constexpr uint64_t kSmallestCache = 1 << 20;
constexpr size_t kReadAheadBytes = 256 << 10;

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

rocksdb::WriteOptions Unlogged() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

std::string EndOf(std::string prefix) {
  for (size_t i = prefix.size(); i-- > 0;) {
    if (++reinterpret_cast<unsigned char&>(prefix[i]) != 0) break;
  }
  return prefix;
}

}  // namespace

SpillDatabase::Cursor::Cursor(const SpillDatabase& database, const std::string& prefix, bool scan)
    : database_(database), end_(EndOf(prefix)), bound_(AsSlice(end_)) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound_;
  options.readahead_size = scan ? kReadAheadBytes : 0;
  options.fill_cache = !scan;
  entries_.reset(database.database_->NewIterator(options));
}

SpillDatabase::Cursor::~Cursor() = default;

void SpillDatabase::Cursor::Seek(const std::string& key) { entries_->Seek(key); }
void SpillDatabase::Cursor::Next() { entries_->Next(); }
bool SpillDatabase::Cursor::valid() const { return entries_->Valid(); }
std::string_view SpillDatabase::Cursor::key() const { return AsView(entries_->key()); }
std::string_view SpillDatabase::Cursor::value() const { return AsView(entries_->value()); }
Result<void> SpillDatabase::Cursor::status() const { return database_.Check(entries_->status()); }

SpillDatabase::SpillDatabase(ScratchFolder folder)
    : folder_(std::move(folder)), env_(NewUnsyncedEnv()) {}

SpillDatabase::~SpillDatabase() = default;

Result<std::shared_ptr<SpillDatabase>> SpillDatabase::Open(const std::string& directory,
                                                           uint64_t memory_bytes) {
  ASSIGN_OR_RETURN(ScratchFolder folder, ScratchFolder::Make(directory));
  std::shared_ptr<SpillDatabase> spill(new SpillDatabase(std::move(folder)));
  rocksdb::DB* database = nullptr;
  TRY(spill->Check(rocksdb::DB::Open(DatabaseOptions(spill->env_.get(), memory_bytes),
                                     spill->folder_.path() + "/rows", &database)));
  spill->database_.reset(database);
  return spill;
}

std::string SpillDatabase::NewPrefix() {
  std::string prefix;
  AppendBigEndian(++prefixes_, &prefix);
  return prefix;
}

void SpillDatabase::Drop(const std::string& prefix) {
  const std::string end = EndOf(prefix);
  const rocksdb::Slice first = AsSlice(prefix);
  const rocksdb::Slice last = AsSlice(end);
  rocksdb::ColumnFamilyHandle* family = database_->DefaultColumnFamily();
  rocksdb::DeleteFilesInRange(database_.get(), family, &first, &last, false).PermitUncheckedError();
  database_->DeleteRange(Unlogged(), family, first, last).PermitUncheckedError();
}

Result<bool> SpillDatabase::Get(const std::string& key, rocksdb::PinnableSlice* value) const {
  value->Reset();
  const rocksdb::Status status =
      database_->Get(rocksdb::ReadOptions(), database_->DefaultColumnFamily(), key, value);
  if (status.IsNotFound()) return false;
  TRY(Check(status));
  return true;
}

Result<void> SpillDatabase::Put(std::string_view key, std::string_view value) {
  return Check(database_->Put(Unlogged(), AsSlice(key), AsSlice(value)));
}

Result<void> SpillDatabase::Delete(const std::string& key) {
  return Check(database_->Delete(Unlogged(), key));
}

std::unique_ptr<SpillDatabase::Cursor> SpillDatabase::Entries(const std::string& prefix,
                                                              Access access) const {
  return std::unique_ptr<Cursor>(new Cursor(*this, prefix, access == Access::kScan));
}

Result<void> SpillDatabase::Check(const rocksdb::Status& status) const {
  if (status.ok()) return {};
  return Fail(ErrorKind::kUnavailable,
              "cannot keep rows in " + folder_.path() + ": " + status.ToString(),
              status.IsNoSpace()
                  ? "free space there, name another folder with --temp-dir, or allow more --memory"
                  : "check the disk, or name another folder with --temp-dir");
}

}  // namespace trunkline
