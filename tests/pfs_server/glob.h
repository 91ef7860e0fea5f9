// Which files and folders a request is about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/pfs_server/repos.h"

namespace trunkline::test {

// ** is anything, * and ? are anything within one part.
bool MatchesGlob(std::string_view pattern, std::string_view path);

struct ListedFile {
  std::string path;  // that of a folder ends in '/'
  uint64_t size = 0;
  bool is_folder = false;
};

// Files and folders alike, as pachd does.
std::vector<ListedFile> Matching(const StoredFiles& files, const std::string& pattern);
std::optional<ListedFile> Find(const StoredFiles& files, const std::string& path);

}  // namespace trunkline::test
