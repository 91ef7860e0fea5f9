// New databases for a rebuilt state.
#pragma once

#include <string>

#include "archive/definition.h"
#include "base/error.h"
#include "postgres/connection.h"

namespace trunkline {

// Makes a database with the source's encoding and collation where this server has them, so that
// rows sort alike, else, with a warning, with the server's own collation.
Result<void> CreateDatabaseLike(postgres::Connection* connection, const std::string& name,
                                const DatabaseDefinition& source);

// CREATE DATABASE with the source's encoding and collation, on a server of this version.
std::string CreateDatabaseText(const std::string& name, const DatabaseDefinition& source,
                               int server_version);

// `conninfo`, of any form, with another database's name.
Result<std::string> WithDatabase(const std::string& conninfo, const std::string& database);

}  // namespace trunkline
