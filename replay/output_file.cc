#include "replay/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "archive/atomic_file.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeldBytes = 8 << 20;

Error IsThere(const std::string& path) {
  return Error{ErrorKind::kAlreadyExists, path + " is there already",
               "choose another name, or replace it with --force"};
}

// Without replacing what is there, where the file system can tell.
int RenameNew(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL) return -1;
  return std::rename(from.c_str(), to.c_str());
}

}  // namespace

void OutputFile::Closer::operator()(std::FILE* file) const {
  if (file != stdout) std::fclose(file);
}

OutputFile::OutputFile(std::FILE* file, std::string path, std::string partial, Existing existing)
    : file_(file), path_(std::move(path)), partial_(std::move(partial)), existing_(existing) {}

OutputFile::~OutputFile() {
  if (file_ != nullptr && !partial_.empty()) std::remove(partial_.c_str());
}

Result<OutputFile> OutputFile::Open(const std::string& path, Existing existing) {
  if (path.empty()) return OutputFile(stdout, "standard output", {}, existing);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const bool in_place = fs::exists(status) && !fs::is_regular_file(status);
  if (fs::exists(status) && !in_place && existing == Existing::kKeep) return Fail(IsThere(path));
  const std::string partial = in_place ? "" : path + ".partial";
  std::FILE* file = std::fopen((in_place ? path : partial).c_str(), "wbe");
  if (file == nullptr) return Fail(FileError("cannot write " + path, errno));
  return OutputFile(file, path, partial, existing);
}

Result<void> OutputFile::Write(std::string_view text) {
  held_ += text;
  return held_.size() < kHeldBytes ? Result<void>{} : Flush();
}

Error OutputFile::WriteError(int number) const {
  return FileError("cannot write " + path_, number);
}

Result<void> OutputFile::Flush() {
  if (std::fwrite(held_.data(), 1, held_.size(), file_.get()) != held_.size() ||
      std::fflush(file_.get()) != 0) {
    return Fail(WriteError(errno));
  }
  held_.clear();
  return {};
}

Result<void> OutputFile::Finish() {
  TRY(Flush());
  if (!partial_.empty() && fsync(fileno(file_.get())) != 0) return Fail(WriteError(errno));
  std::FILE* file = file_.release();
  if (file != stdout && std::fclose(file) != 0) {
    const int number = errno;
    if (!partial_.empty()) std::remove(partial_.c_str());
    return Fail(WriteError(number));
  }
  return partial_.empty() ? Result<void>() : Publish();
}

Result<void> OutputFile::Publish() {
  const int named = existing_ == Existing::kKeep ? RenameNew(partial_, path_)
                                                 : std::rename(partial_.c_str(), path_.c_str());
  if (named != 0) {
    const int number = errno;
    std::remove(partial_.c_str());
    if (number == EEXIST) return Fail(IsThere(path_));
    return Fail(WriteError(number));
  }
  const std::string folder = fs::path(path_).parent_path().string();
  return SyncDirectory(folder.empty() ? "." : folder);
}

}  // namespace trunkline
