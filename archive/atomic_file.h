// Atomic files: a file appears under its name whole or not at all, and stays after a crash.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "archive/byte_source.h"
#include "base/error.h"

namespace trunkline {

// Names of files that are still being written start with this.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

// The error of a failed file operation, with a hint where the operator can mend it. What passes or
// can be mended while the program waits (a full disk, an I/O error) is kUnavailable; a read-only
// file system is kDenied.
Error FileError(std::string_view what, int error_number);

// Writes `content` to a hidden file beside `path`, syncs it and gives it its name. Replaces
// nothing: kAlreadyExists when `path` exists; kNotFound when its directory does not. The name
// itself is durable after SyncDirectory. Memory does not grow with the content.
Result<void> PublishFile(const std::string& path, const ByteSource& content);

// PublishFile in two steps, so that conditions can be looked at between them: the content is
// written and synced, under a hidden name that goes with the object unless it was published.
class StagedFile {
 public:
  static Result<StagedFile> Write(const std::string& path, const ByteSource& content);
  ~StagedFile();
  StagedFile(StagedFile&&) noexcept;
  StagedFile& operator=(StagedFile&&) = delete;

  // Gives the file its name, once.
  Result<void> Publish();

 private:
  struct Temporary;
  StagedFile(std::unique_ptr<Temporary> file, std::string path);

  std::unique_ptr<Temporary> file_;
  std::string path_;
};

// Makes the names in a directory durable.
Result<void> SyncDirectory(const std::string& path);

// Makes `path` and its missing parents, each durable.
Result<void> MakeDirectories(const std::string& path);

// Removes hidden files at and below `directory` that nobody is writing any more: a writer holds a
// lock on its file, which the kernel drops when it dies. Best effort.
void RemoveLeftovers(const std::string& directory);

}  // namespace trunkline
