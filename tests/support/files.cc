#include "tests/support/files.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace trunkline::test {

namespace fs = std::filesystem;

std::string TempParent() {
  const char* parent = std::getenv("TMPDIR");
  return parent == nullptr ? "/tmp" : parent;
}

TempFolder::TempFolder() {
  std::string name = TempParent() + "/trunkline-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  fs::permissions(name, fs::perms::all);
  path_ = name;
}

TempFolder::~TempFolder() {
  if (std::getenv("TRUNKLINE_KEEP") != nullptr) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream content;
  content << in.rdbuf();
  return std::move(content).str();
}

void WriteFile(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

bool Exists(const std::string& path) { return fs::exists(path); }

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  // A folder in use may lose files meanwhile.
  std::error_code gone;
  for (auto it = fs::recursive_directory_iterator(folder, gone);
       it != fs::recursive_directory_iterator(); it.increment(gone)) {
    if (it->is_regular_file(gone)) files.push_back(it->path().lexically_relative(folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

void CopyFolder(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive);
}

}  // namespace trunkline::test
