// What `trunkline info` prints of a summary.
#pragma once

#include <string>

#include "replay/archive_summary.h"

namespace trunkline {

// For people. `url` is the archive's address without secrets.
std::string InfoText(const ArchiveSummary& summary, const std::string& url);
// For programs: docs/json.md.
std::string InfoJson(const ArchiveSummary& summary, const std::string& url);

}  // namespace trunkline
