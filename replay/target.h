// Target: an instant of the past, as the user names it, and what it resolves to in an archive.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "decoder/change.h"

namespace trunkline {

struct Latest {};
struct AtXid {
  Xid xid;
};
struct AtName {
  std::string name;
};
// Leaves out what the instant itself would bring in: the transaction named, commits at that very
// time, the transaction whose commit record covers the LSN or ends there.
struct Before {
  std::variant<Timestamp, Lsn, AtXid, AtName> instant;
};
using Target = std::variant<Latest, Timestamp, Lsn, AtXid, AtName, Before>;

// "latest", "2016-11-30 09:29:00-08", "lsn:0/16B3748", "xid:1234", "name:before-sale", and all but
// the first behind "before:".
Result<Target> ParseTarget(std::string_view text);

// The transactions of a target are those whose commit record begins before `limit`; equally, those
// with end_lsn <= limit. All of them are in the archive.
struct ResolvedTarget {
  Lsn limit;
  std::optional<TransactionInfo> last;  // the last one in, where the archive's segments hold it
  std::optional<TransactionInfo> next;  // the first one out
  Lsn snapshot;                         // the base snapshot to start from; <= limit
  // What the stages see as their instant: the timestamp asked for, or the last transaction's commit
  // time. Empty when neither is known (a target at a snapshot before any transaction).
  std::optional<Timestamp> instant;

  // One line: LSN, xid, commit time in UTC, and the commits either side.
  std::string ToString() const;
};

// ResolvedTarget::limit alone, also where no base snapshot leads to it. kNotFound when the
// archive's segments do not reach it, naming what they do reach.
Result<Lsn> ResolveLimit(const Store& store, const Catalog& catalog, const Target& target);

// Whether retention has removed the first commit later than `time`, or one that is.
Result<bool> IsRemoved(const Store& store, const Catalog& catalog, Timestamp time);

// kNotFound for a target before the first complete snapshot or after the archive's end, naming what
// can be reached; kGap when a gap or hole lies between the snapshot and the target.
Result<ResolvedTarget> ResolveTarget(const Store& store, const Catalog& catalog,
                                     const Target& target);

}  // namespace trunkline
