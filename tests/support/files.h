// Temporary folders, and whole files read and written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trunkline::test {

// TMPDIR, else /tmp: where tests have their folders.
std::string TempParent();

// A new folder in TempParent() that everyone may enter; removed with all in it at the end, unless
// TRUNKLINE_KEEP is set.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view content);
bool Exists(const std::string& path);
// Regular files below `folder`, relative to it, sorted; empty when there is no such folder.
std::vector<std::string> FilesBelow(const std::string& folder);
void CopyFolder(const std::string& from, const std::string& to);

}  // namespace trunkline::test
