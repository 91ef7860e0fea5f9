#include "replay/output_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeldBytes = 8 << 20;

}  // namespace

void OutputFile::Closer::operator()(std::FILE* file) const {
  if (file != stdout) std::fclose(file);
}

OutputFile::OutputFile(std::FILE* file, std::string path, std::string partial)
    : file_(file), path_(std::move(path)), partial_(std::move(partial)) {}

OutputFile::~OutputFile() {
  if (file_ != nullptr && !partial_.empty()) std::remove(partial_.c_str());
}

Result<OutputFile> OutputFile::Open(const std::string& path) {
  if (path.empty()) return OutputFile(stdout, "standard output", {});
  std::error_code error;
  const bool in_place = fs::exists(path, error) && !fs::is_regular_file(path, error);
  const std::string partial = in_place ? "" : path + ".partial";
  std::FILE* file = std::fopen((in_place ? path : partial).c_str(), "wb");
  if (file == nullptr) return Fail(ErrnoError("cannot write " + path, errno));
  return OutputFile(file, path, partial);
}

Result<void> OutputFile::Write(std::string_view text) {
  held_ += text;
  return held_.size() < kHeldBytes ? Result<void>{} : Flush();
}

Error OutputFile::WriteError(int number) const {
  return ErrnoError("cannot write " + path_, number);
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
  std::FILE* file = file_.release();
  if (file != stdout && std::fclose(file) != 0) {
    const int number = errno;
    if (!partial_.empty()) std::remove(partial_.c_str());
    return Fail(WriteError(number));
  }
  if (partial_.empty()) return {};
  std::error_code error;
  fs::rename(partial_, path_, error);
  if (error) return Fail(WriteError(error.value()));
  return {};
}

}  // namespace trunkline
