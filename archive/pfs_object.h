// The objects of one PFS commit, read in pieces.
#pragma once

#include <memory>
#include <string>

#include "archive/byte_source.h"
#include "archive/pfs_client.h"

namespace trunkline {

// kInvalidArgument for what PFS takes for no path: its characters are printable ASCII without
// *?[]{}!()@+^, and no part is empty, "." or "..".
Result<void> CheckPfsPath(std::string_view path);

// Whether a path that PFS takes can start so.
bool MayStartPfsPath(std::string_view prefix);

// The file `path` of `size` bytes as the PFS commit `commit` has it. Small reads in sequence share
// calls: the more of them follow each other the further it reads ahead, up to 2 MiB, which is what
// it holds. `client` lives longer.
std::unique_ptr<ByteSource> NewPfsObject(const PfsClient* client, std::string commit,
                                         std::string path, uint64_t size);

}  // namespace trunkline
