#include "replay/memory_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <system_error>

namespace trunkline {
namespace {

constexpr uint64_t kLeast = 16ULL << 20;

}  // namespace

std::string MemoryOptions::DirectoryOrDefault() const {
  if (!directory.empty()) return directory;
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : temporary.native();
}

void AddMemoryOptions(CLI::App* command, MemoryOptions* options) {
  command
      ->add_option("--memory", options->bytes,
                   "Memory for rows, such as 512MB; what exceeds it goes to disk (default: 1GB)")
      ->transform(CLI::AsSizeValue(false))
      ->check([](const std::string& text) {
        const bool enough = std::strtoull(text.c_str(), nullptr, 10) >= kLeast;
        return enough ? std::string() : std::string("at least 16MB are needed");
      })
      ->type_name("SIZE");
  command
      ->add_option("--temp-dir", options->directory,
                   "Where rows go that exceed --memory (default: TMPDIR, or /tmp)")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
}

}  // namespace trunkline
