// Opening an object that the archive's own listing or manifests name.
#pragma once

#include <memory>
#include <string>

#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// kConflict when it was there, and was merged into another or removed on purpose meanwhile: list
// again. Else kCorrupt, not kNotFound, when it is not there, and also when it is another object
// than its name says.
Result<std::unique_ptr<SegmentReader>> OpenListed(const Store& store, const std::string& name);

}  // namespace trunkline
