// DirectoryStore: an archive in a folder of a file system.
#pragma once

#include <memory>
#include <string>

#include "archive/store.h"

namespace trunkline {

// `root` is an absolute path; the folder is made by the first Put. `url` is the address as given,
// for messages.
std::unique_ptr<Store> NewDirectoryStore(std::string root, std::string url);

}  // namespace trunkline
