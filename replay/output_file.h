// OutputFile: where the text that a command yields goes, in bounded memory.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

class OutputFile {
 public:
  // What becomes of a file of that name: kKeep makes it an error, kAlreadyExists.
  enum class Existing { kReplace, kKeep };

  // `path` is a file, which appears whole and durably or not at all, or a device or pipe, which is
  // written to; empty: standard output.
  static Result<OutputFile> Open(const std::string& path, Existing existing = Existing::kReplace);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  // Without Finish, what is still held back is never written, and a file does not appear.
  ~OutputFile();

  // Holds some MiB back, so that of a small text nothing is seen before it is whole.
  Result<void> Write(std::string_view text);
  Result<void> Finish();

 private:
  // Closes all streams but standard output.
  struct Closer {
    void operator()(std::FILE* file) const;
  };

  OutputFile(std::FILE* file, std::string path, std::string partial, Existing existing);
  Result<void> Flush();
  Result<void> Publish();
  Error WriteError(int number) const;

  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
  std::string partial_;  // the file's name until it is whole; empty where it has none
  Existing existing_;
  std::string held_;
};

}  // namespace trunkline
