// SpillDatabase: a map of bytes on disk, in RocksDB, for what does not fit into --memory. It lies
// in a scratch folder of its own, and is gone with the object.
#pragma once

#include <rocksdb/slice.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "archive/scratch_folder.h"
#include "base/error.h"
#include "replay/rocksdb_slice.h"

namespace rocksdb {
class DB;
class Env;
class Iterator;
class Status;
}  // namespace rocksdb

namespace trunkline {

// One thread changes it. Every failure of the disk is kUnavailable.
class SpillDatabase {
 public:
  // Entries with a prefix, in the order of their keys, as they were when it was made. One thread;
  // the database outlives it.
  class Cursor {
   public:
    ~Cursor();
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    // To the first entry at or after `key`, which has the prefix.
    void Seek(const std::string& key);
    void Next();
    // False after the last entry, and after an error.
    bool valid() const;
    std::string_view key() const;  // both until the next move
    std::string_view value() const;
    Result<void> status() const;

   private:
    friend class SpillDatabase;
    Cursor(const SpillDatabase& database, const std::string& prefix, bool scan);

    const SpillDatabase& database_;
    const std::string end_;
    const rocksdb::Slice bound_;
    std::unique_ptr<rocksdb::Iterator> entries_;
  };

  // In `directory`; uses about `memory_bytes`.
  static Result<std::shared_ptr<SpillDatabase>> Open(const std::string& directory,
                                                     uint64_t memory_bytes);
  ~SpillDatabase();
  SpillDatabase(const SpillDatabase&) = delete;
  SpillDatabase& operator=(const SpillDatabase&) = delete;

  // What the keys of one user begin with. No other will have it.
  std::string NewPrefix();
  // Best effort: what stays takes room on the disk until the end.
  void Drop(const std::string& prefix);

  // False where nothing has the key.
  Result<bool> Get(const std::string& key, rocksdb::PinnableSlice* value) const;
  Result<void> Put(std::string_view key, std::string_view value);
  Result<void> Delete(const std::string& key);

  // kScan reads ahead, and leaves alone what is cached for others.
  enum class Access { kScan, kLookUp };
  std::unique_ptr<Cursor> Entries(const std::string& prefix, Access access) const;

 private:
  explicit SpillDatabase(ScratchFolder folder);
  Result<void> Check(const rocksdb::Status& status) const;

  const ScratchFolder folder_;
  const std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> database_;
  uint32_t prefixes_ = 0;
};

}  // namespace trunkline
