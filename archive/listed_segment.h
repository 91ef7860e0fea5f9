// Opening an object that the archive's own listing or manifests name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// Of errors of kind kConflict, for people.
inline constexpr std::string_view kListAgainHint = "run it again: it begins with what is there now";

// kConflict when it was there, and was merged into another or removed on purpose meanwhile: list
// again. Else kCorrupt, not kNotFound, when it is not there, and also when it is another object
// than its name says. The same for what is read of it later; the store lives longer.
Result<std::unique_ptr<SegmentReader>> OpenListed(const Store& store, const std::string& name);

}  // namespace trunkline
