#include "daemon/change_spool.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <array>
#include <unordered_set>
#include <utility>

#include "archive/scratch_folder.h"
#include "archive/unsynced_env.h"
#include "base/fault.h"

namespace trunkline {
namespace {

constexpr size_t kKeyBytes = 12;
using Key = std::array<char, kKeyBytes>;

// Big-endian, so that the order of keys is that of transaction ids, then of sequences.
Key KeyOf(uint32_t xid, uint64_t sequence) {
  Key key;
  for (size_t i = 0; i < 4; ++i) key[i] = static_cast<char>(xid >> (24 - 8 * i));
  for (size_t i = 0; i < 8; ++i) key[4 + i] = static_cast<char>(sequence >> (56 - 8 * i));
  return key;
}

rocksdb::Slice SliceOf(const Key& key) { return {key.data(), key.size()}; }
rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::Options DatabaseOptions(rocksdb::Env* env) {
  rocksdb::Options options = ScratchOptions(env);
  // Memory: two buffers being filled or written, and the readers of this many files.
  options.write_buffer_size = 4 << 20;
  options.max_open_files = 64;
  // A transaction's chunks come in the order of their keys, so that files of one transaction do not
  // overlap and are never written again; those of transactions that alternate are merged a few
  // times, by size, so that few have to be read at once.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compaction_options_universal.allow_trivial_move = true;
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 64;
  options.level0_stop_writes_trigger = 96;
  options.target_file_size_base = 64 << 20;
  // Every chunk is read once.
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.block_size = 64 << 10;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

tl::unexpected<Error> SpoolError(const rocksdb::Status& status, const std::string& folder) {
  return Fail(ErrorKind::kUnavailable,
              "cannot spool a large transaction in " + folder + ": " + status.ToString(),
              status.IsNoSpace() ? "free space there, or name another folder with --spool"
                                 : "check the disk of the spool");
}

}  // namespace

class ChangeSpool::Impl {
 public:
  explicit Impl(ScratchFolder folder) : folder_(std::move(folder)), env_(NewUnsyncedEnv()) {}

  Result<void> Append(Xid xid, uint64_t sequence, std::string_view chunk) {
    FAULT("spool.append");
    TRY(Open());
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    TRY(Check(database_->Put(options, SliceOf(KeyOf(xid.value, sequence)), SliceOf(chunk))));
    spooled_.insert(xid.value);
    return {};
  }

  Result<void> ForEach(Xid xid, const std::function<Result<void>(std::string_view)>& visit) {
    if (!spooled_.contains(xid.value)) return {};
    const Key first = KeyOf(xid.value, 0);
    const Key last = KeyOf(xid.value, UINT64_MAX);
    const rocksdb::Slice bound = SliceOf(last);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &bound;
    options.readahead_size = 1 << 20;
    const std::unique_ptr<rocksdb::Iterator> chunks(database_->NewIterator(options));
    for (chunks->Seek(SliceOf(first)); chunks->Valid(); chunks->Next()) {
      TRY(visit({chunks->value().data(), chunks->value().size()}));
    }
    return Check(chunks->status());
  }

  Result<void> Drop(Xid xid) {
    if (spooled_.erase(xid.value) == 0) return {};
    if (spooled_.empty()) return Wipe();
    const Key first = KeyOf(xid.value, 0);
    const Key last = KeyOf(xid.value, UINT64_MAX);
    const rocksdb::Slice begin = SliceOf(first);
    const rocksdb::Slice end = SliceOf(last);
    rocksdb::ColumnFamilyHandle* family = database_->DefaultColumnFamily();
    TRY(Check(rocksdb::DeleteFilesInRange(database_.get(), family, &begin, &end)));
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return Check(database_->DeleteRange(options, family, begin, end));
  }

 private:
  Result<void> Open() {
    if (database_ != nullptr) return {};
    rocksdb::DB* database = nullptr;
    TRY(Check(rocksdb::DB::Open(DatabaseOptions(env_.get()), path(), &database)));
    database_.reset(database);
    return {};
  }

  // Cheaper than deleting, and leaves nothing to merge.
  Result<void> Wipe() {
    database_.reset();
    return Check(rocksdb::DestroyDB(path(), DatabaseOptions(env_.get())));
  }

  Result<void> Check(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return SpoolError(status, folder_.path());
  }

  std::string path() const { return folder_.path() + "/changes"; }

  const ScratchFolder folder_;
  const std::shared_ptr<rocksdb::Env> env_;
  std::unordered_set<uint32_t> spooled_;   // transactions with a chunk here
  std::unique_ptr<rocksdb::DB> database_;  // once there is something to spool
};

ChangeSpool::ChangeSpool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChangeSpool::~ChangeSpool() = default;

Result<std::unique_ptr<ChangeSpool>> ChangeSpool::Make(const std::string& directory) {
  ASSIGN_OR_RETURN(ScratchFolder folder, ScratchFolder::Make(directory));
  return std::unique_ptr<ChangeSpool>(new ChangeSpool(std::make_unique<Impl>(std::move(folder))));
}

Result<void> ChangeSpool::Append(Xid xid, uint64_t sequence, std::string_view chunk) {
  return impl_->Append(xid, sequence, chunk);
}
Result<void> ChangeSpool::ForEach(Xid xid,
                                  const std::function<Result<void>(std::string_view)>& visit) {
  return impl_->ForEach(xid, visit);
}
Result<void> ChangeSpool::Drop(Xid xid) { return impl_->Drop(xid); }

}  // namespace trunkline
