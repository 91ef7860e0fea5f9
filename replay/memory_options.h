// --memory and --temp-dir, of every command that builds a state.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace trunkline {

struct MemoryOptions {
  // For the rows of all tables, and what keeping some of them on disk takes. Blocks that are read
  // ahead and what is written take up to 192 MiB more on two cores, 32 MiB more for each further
  // one, and more where rows are larger than a block should be.
  uint64_t bytes = 1ULL << 30;
  // Where rows go that exceed it; empty: TMPDIR, or /tmp.
  std::string directory;

  std::string DirectoryOrDefault() const;
};

// Adds both to a command's options; `options` outlives them.
void AddMemoryOptions(CLI::App* command, MemoryOptions* options);

}  // namespace trunkline
