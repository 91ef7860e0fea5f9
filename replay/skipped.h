// Skipped: transactions that a rebuild is to leave out, as the user names them.
#pragma once

#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "decoder/change.h"

namespace trunkline {

// The transactions of `names`, each "xid:1234" or "lsn:0/16B3748", where its commit record begins;
// by LSN, each once. kInvalidArgument for a name that is neither, and, naming the LSNs, for an xid
// of several transactions; kNotFound for one that the archive does not have between its first base
// snapshot and `limit`.
Result<std::vector<TransactionInfo>> FindSkipped(const Store& store, const Catalog& catalog,
                                                 Lsn limit, const std::vector<std::string>& names);

}  // namespace trunkline
