#include "replay/skipped.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <span>
#include <utility>
#include <variant>

#include "replay/timeline.h"

namespace trunkline {
namespace {

using Wanted = std::variant<Xid, Lsn>;

Result<Wanted> ParseName(const std::string& name) {
  if (name.starts_with("lsn:")) {
    const Result<Lsn> lsn = Lsn::Parse(std::string_view(name).substr(4));
    if (lsn) return Wanted(*lsn);
  }
  if (name.starts_with("xid:")) {
    Xid xid;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 4, end, xid.value);
    if (error == std::errc() && stop == end && xid.valid()) return Wanted(xid);
  }
  return Fail(ErrorKind::kInvalidArgument, "\"" + name + "\" names no transaction to leave out",
              "write --skip xid:1234, or --skip lsn:0/16B3748, where its commit record begins");
}

bool Matches(const Wanted& wanted, const TransactionInfo& transaction) {
  if (const Xid* xid = std::get_if<Xid>(&wanted)) return transaction.xid == *xid;
  return transaction.commit_lsn == std::get<Lsn>(wanted);
}

Lsn FirstSnapshotLsn(const Catalog& catalog) {
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.complete) return snapshot.lsn;
  }
  return Lsn{UINT64_MAX};
}

using ByLsn = std::map<Lsn, TransactionInfo>;

// Those that match any of `wanted`.
Result<ByLsn> Find(const Store& store, const Catalog& catalog, Lsn limit,
                   const std::vector<Wanted>& wanted) {
  const Lsn from = FirstSnapshotLsn(catalog);
  // Where all are named by their LSN, few blocks can hold them.
  const auto may_match = [&](const SegmentReader&, const BlockStats& block) {
    return block.commit_lsn_max >= from && block.commit_lsn_min < limit &&
           std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& item) {
             const Lsn* lsn = std::get_if<Lsn>(&item);
             return lsn == nullptr ||
                    (block.commit_lsn_min <= *lsn && *lsn <= block.commit_lsn_max);
           });
  };
  ByLsn found;
  const auto visit = [&](const TransactionSlice& slice, std::span<const Change>) {
    const TransactionInfo& info = slice.info;
    const bool matches = std::any_of(wanted.begin(), wanted.end(),
                                     [&](const Wanted& item) { return Matches(item, info); });
    if (matches && info.commit_lsn >= from && info.commit_lsn < limit) {
      found[info.commit_lsn] = info;
    }
    return info.commit_lsn < limit;
  };
  TRY(Timeline(store, catalog).Scan(may_match, visit));
  return found;
}

}  // namespace

Result<std::vector<TransactionInfo>> FindSkipped(const Store& store, const Catalog& catalog,
                                                 Lsn limit, const std::vector<std::string>& names) {
  std::vector<Wanted> wanted;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const Wanted item, ParseName(name));
    wanted.push_back(item);
  }
  if (wanted.empty()) return std::vector<TransactionInfo>();
  ASSIGN_OR_RETURN(const ByLsn found, Find(store, catalog, limit, wanted));
  for (size_t i = 0; i < names.size(); ++i) {
    std::string choices;
    size_t count = 0;
    for (const auto& [lsn, transaction] : found) {
      if (!Matches(wanted[i], transaction)) continue;
      ++count;
      choices += " lsn:" + lsn.ToString();
    }
    if (count == 0) {
      return Fail(ErrorKind::kNotFound,
                  "the archive has no transaction " + names[i] +
                      " between its first base snapshot and the target",
                  "trunkline log shows the transactions");
    }
    if (count > 1) {
      return Fail(ErrorKind::kInvalidArgument,
                  names[i] + " is ambiguous: " + std::to_string(count) + " transactions fit",
                  "choose with --skip one of" + choices);
    }
  }
  std::vector<TransactionInfo> skipped;
  for (const auto& [lsn, transaction] : found) skipped.push_back(transaction);
  return skipped;
}

}  // namespace trunkline
