#include "tests/pfs_server/glob.h"

#include <set>

namespace trunkline::test {

bool MatchesGlob(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && pattern.front() != '*') {
    if (path.empty()) return false;
    const bool same =
        pattern.front() == '?' ? path.front() != '/' : pattern.front() == path.front();
    if (!same) return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
  }
  if (pattern.empty()) return path.empty();
  const bool crosses = pattern.starts_with("**");
  const std::string_view rest = pattern.substr(crosses ? 2 : 1);
  for (size_t skipped = 0; skipped <= path.size(); ++skipped) {
    if (MatchesGlob(rest, path.substr(skipped))) return true;
    if (!crosses && skipped < path.size() && path[skipped] == '/') return false;
  }
  return false;
}

std::vector<ListedFile> Matching(const StoredFiles& files, const std::string& pattern) {
  std::vector<ListedFile> matching;
  std::set<std::string> folders;
  for (const auto& [path, file] : files) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string folder = path.substr(0, slash);
      if (!MatchesGlob(pattern, folder) || !folders.insert(folder).second) continue;
      matching.push_back({folder + "/", 0, true});
    }
    if (MatchesGlob(pattern, path)) matching.push_back({path, file->size, false});
  }
  return matching;
}

std::optional<ListedFile> Find(const StoredFiles& files, const std::string& path) {
  const auto file = files.find(path);
  if (file != files.end()) return ListedFile{path, file->second->size, false};
  const auto below = files.lower_bound(path + "/");
  if (below == files.end() || !below->first.starts_with(path + "/")) return std::nullopt;
  return ListedFile{path + "/", 0, true};
}

}  // namespace trunkline::test
