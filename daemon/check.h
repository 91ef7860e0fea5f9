// Check: every prerequisite on the source, and how to mend what is missing.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/options.h"

namespace trunkline {

enum class CheckStatus { kOk, kWarning, kFailure };

struct CheckItem {
  CheckStatus status = CheckStatus::kOk;
  std::string what;
  std::string found;
  std::string remedy;  // a command, where one mends it
};

struct CheckReport {
  std::vector<CheckItem> items;
  bool failed() const;
};

// Changes nothing anywhere.
CheckReport CheckPrerequisites(const Options& options);

// Aligned, a line an item, its remedy on the line below.
std::string FormatReport(const CheckReport& report);

}  // namespace trunkline
