// What the options of trunkline take, for help, man pages and completion: a new form of a target or
// a destination is added here as well.
#pragma once

#include "archive/store_address.h"
#include "cli/value_form.h"

namespace trunkline {

inline constexpr ValueType kValueTypes[] = {
    {"ARCHIVE", kArchiveForms,
     "A folder, a branch of a repo in Pachyderm's file system, or a bucket of S3's protocol.", ""},
    {"TARGET", "latest|TIMESTAMP|lsn:LSN|xid:XID|name:POINT|before:TARGET",
     "An instant: a time with its offset from UTC, an LSN, a transaction, or a restore point; with "
     "before: in front without what it names.",
     "--at --from --to --up-to"},
    {"TRANSACTION", "xid:XID|lsn:LSN",
     "A transaction, by its id or by the LSN at which its commit record begins.", ""},
    {"DEST", "csv:DIR|sql:FILE|pgdata:DIR|postgresql://...", "Where a state is rebuilt.", ""},
    {"TIMESTAMP", "", "A time with its offset from UTC, such as 2016-11-30 09:29:00-08.",
     "--as-of"},
    {"TABLE", "", "A table's name, with its schema and a dot in front where several have one.",
     "--table"},
    {"TABLES", "", "Names of tables, schema.table or table, with commas between.", "--tables"},
    {"KEY", "", "The values of the replica identity's columns in their order, as a CSV line.",
     "--key", true},
    {"SQL", "", "", "--command", true},
    {"FILE", "FILE", "", "--file --output --database-file"},
    {"DIR", "DIR", "", "--scratch --index"},
};

}  // namespace trunkline
