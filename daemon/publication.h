// Publication: what the source publishes.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/options.h"
#include "postgres/connection.h"

namespace trunkline {

struct PublicationInfo {
  bool exists = false;
  bool all_tables = false;
  bool publishes_insert = false;
  bool publishes_update = false;
  bool publishes_delete = false;
  bool publishes_truncate = false;
};

Result<PublicationInfo> FindPublication(postgres::Connection* connection, const std::string& name);

struct PublishedTable {
  TableName name;
  char replica_identity = 'd';
  bool has_key = false;       // the identity names columns, so that UPDATE and DELETE are accepted
  bool selectable = false;    // the role may read it
  bool row_security = false;  // and would not see all rows
};

Result<std::vector<PublishedTable>> PublishedTables(postgres::Connection* connection,
                                                    const std::string& publication);

// Whether the publication holds the table, or partitions of it.
Result<bool> IsPublished(postgres::Connection* connection, const std::string& publication,
                         const TableName& table);

// Completes names without a schema. kNotFound for a table that does not exist, kInvalidArgument for
// a name that several schemas have.
Result<std::vector<TableName>> ResolveTables(postgres::Connection* connection,
                                             const std::vector<TableName>& tables);

// Makes sure that the publication exists, creating it where the options say so, and that it holds
// every wanted table.
Result<void> EnsurePublication(postgres::Connection* connection, const Options& options);

// Makes sure that it exists still.
Result<void> CheckPublicationExists(postgres::Connection* connection, const Options& options);

// The command that creates the publication, and the one that adds a table to it.
std::string CreatePublicationCommand(const std::string& publication,
                                     const std::vector<TableName>& tables);
std::string AddTableCommand(const std::string& publication, const TableName& table);

// The commands that let `role`, quoted where needed, read the table.
std::string GrantCommand(const TableName& table, const std::string& role);

// kDenied, with the command that mends it, unless the connection's role may read every row of every
// published table.
Result<void> CheckTablesReadable(postgres::Connection* connection, const std::string& publication);

std::string QualifiedIdentifier(const TableName& table);

}  // namespace trunkline
