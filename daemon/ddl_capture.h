// DdlCapture: whether the source tells of changed definitions in the stream (sql/ddl_capture.sql).
#pragma once

#include <string>

#include "base/error.h"
#include "postgres/connection.h"

namespace trunkline {

// The event triggers are there, enabled, and emit for `publication`.
Result<bool> CapturesDdl(postgres::Connection* connection, const std::string& publication);

// The command that installs it.
std::string InstallDdlCaptureCommand(const std::string& publication);

}  // namespace trunkline
