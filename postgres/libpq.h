// libpq, loaded when it is first called. Code in our namespace calls it as ever; what is missing
// below does not link.
#pragma once

#include <libpq-fe.h>

#include "base/shared_library.h"

namespace trunkline {

inline constinit SharedLibrary libpq("libpq.so.5", "libpq5");

TRUNKLINE_LAZY_FUNCTION(libpq, PQcancel);
TRUNKLINE_LAZY_FUNCTION(libpq, PQclear);
TRUNKLINE_LAZY_FUNCTION(libpq, PQconnectdbParams);
TRUNKLINE_LAZY_FUNCTION(libpq, PQconninfoFree);
TRUNKLINE_LAZY_FUNCTION(libpq, PQconninfoParse);
TRUNKLINE_LAZY_FUNCTION(libpq, PQconsumeInput);
TRUNKLINE_LAZY_FUNCTION(libpq, PQdb);
TRUNKLINE_LAZY_FUNCTION(libpq, PQdsplen);
TRUNKLINE_LAZY_FUNCTION(libpq, PQerrorMessage);
TRUNKLINE_LAZY_FUNCTION(libpq, PQexec);
TRUNKLINE_LAZY_FUNCTION(libpq, PQexecParams);
TRUNKLINE_LAZY_FUNCTION(libpq, PQfinish);
TRUNKLINE_LAZY_FUNCTION(libpq, PQflush);
TRUNKLINE_LAZY_FUNCTION(libpq, PQfname);
TRUNKLINE_LAZY_FUNCTION(libpq, PQfreeCancel);
TRUNKLINE_LAZY_FUNCTION(libpq, PQfreemem);
TRUNKLINE_LAZY_FUNCTION(libpq, PQftype);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetCancel);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetCopyData);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetResult);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetisnull);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetlength);
TRUNKLINE_LAZY_FUNCTION(libpq, PQgetvalue);
TRUNKLINE_LAZY_FUNCTION(libpq, PQmblen);
TRUNKLINE_LAZY_FUNCTION(libpq, PQnfields);
TRUNKLINE_LAZY_FUNCTION(libpq, PQntuples);
TRUNKLINE_LAZY_FUNCTION(libpq, PQputCopyData);
TRUNKLINE_LAZY_FUNCTION(libpq, PQputCopyEnd);
TRUNKLINE_LAZY_FUNCTION(libpq, PQresultErrorField);
TRUNKLINE_LAZY_FUNCTION(libpq, PQresultErrorMessage);
TRUNKLINE_LAZY_FUNCTION(libpq, PQresultStatus);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsendQuery);
TRUNKLINE_LAZY_FUNCTION(libpq, PQserverVersion);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsetNoticeProcessor);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsetNoticeReceiver);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsetSingleRowMode);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsetnonblocking);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsocket);
TRUNKLINE_LAZY_FUNCTION(libpq, PQsslInUse);
TRUNKLINE_LAZY_FUNCTION(libpq, PQstatus);
TRUNKLINE_LAZY_FUNCTION(libpq, PQtransactionStatus);
TRUNKLINE_LAZY_FUNCTION(libpq, PQuser);

}  // namespace trunkline
