// HistoryIndex: the file format of an index, an ordered map of bytes on disk, in RocksDB. This pair
// of files alone knows it. What the keys and values are, docs/index_format.md says.
//
// There is no log: after a crash what was written up to some moment is there, and nothing from
// after it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

class HistoryIndex {
 public:
  // Yields entries in the order of their keys.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    // To the first entry at or after `key`.
    virtual void Seek(std::string_view key) = 0;
    virtual void Next() = 0;
    // Within the bounds; false also after an error.
    virtual bool valid() const = 0;
    virtual std::string_view key() const = 0;  // both until the next move
    virtual std::string_view value() const = 0;
    virtual Result<void> status() const = 0;
  };

  // Opens the folder's index to read, as it was last flushed. kNotFound where there is none;
  // kCorrupt where it is damaged.
  static Result<std::unique_ptr<HistoryIndex>> OpenToRead(const std::string& folder);
  // Opens it to write, and makes it where it is missing: the folder too, readable by its owner
  // alone, since it will hold row values. kBusy while another process writes; kInvalidArgument for
  // a folder with something else in it.
  static Result<std::unique_ptr<HistoryIndex>> OpenToWrite(const std::string& folder);
  // Removes the index of a folder, so that it is made anew.
  static Result<void> Remove(const std::string& folder);
  ~HistoryIndex();

  Result<std::optional<std::string>> Get(std::string_view key) const;
  // Entries whose key begins with `prefix`.
  std::unique_ptr<Cursor> Entries(std::string_view prefix) const;

  // What is put is gathered; some is written at once, the rest by Flush, which makes all durable.
  Result<void> Put(std::string_view key, std::string_view value);
  Result<void> Erase(std::string_view key);
  // Bytes that were put since it was opened.
  uint64_t put_bytes() const;
  Result<void> Flush();
  // Merges what was written, so that it is small and quick to read.
  Result<void> Compact();

 private:
  class Impl;
  explicit HistoryIndex(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
