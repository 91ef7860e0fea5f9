#include "replay/target.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "archive/listed_segment.h"
#include "archive/manifest.h"
#include "archive/rebuild_start.h"
#include "replay/newest_catalog.h"
#include "replay/timeline.h"

namespace trunkline {
namespace {

constexpr std::string_view kForms =
    "a target is latest, \"2016-11-30 09:29:00-08\", lsn:0/16B3748, xid:1234 or name:POINT; "
    "before: in "
    "front of all but the first leaves it out";
constexpr std::string_view kBefore = "before:";
constexpr size_t kMostChoices = 8;  // that an error names

std::string Describe(const TransactionInfo& transaction) {
  return "xid " + std::to_string(transaction.xid.value) + " committed " +
         transaction.commit_time.ToString() + " at LSN " + transaction.commit_lsn.ToString();
}

// What the retained segment says; nothing where there is none.
Result<std::optional<RemovedHistory>> RemovedFrom(const Store& store, const Catalog& catalog) {
  if (!catalog.retained) return std::optional<RemovedHistory>();
  ASSIGN_OR_RETURN(const auto reader, OpenListed(store, catalog.retained->name));
  return reader->header().removed;
}

// When the last transaction before `limit` was committed, if that was removed; nothing where a gap
// hides whether it was the last one. Only where the segments hold none before `limit`.
Result<std::optional<Timestamp>> LastRemoved(const Store& store, const Catalog& catalog,
                                             Lsn limit) {
  const bool gap =
      std::any_of(catalog.segments.begin(), catalog.segments.end(),
                  [limit](const SegmentEntry& entry) { return entry.gap && entry.begin < limit; });
  if (gap) return std::optional<Timestamp>();
  ASSIGN_OR_RETURN(const auto removed, RemovedFrom(store, catalog));
  if (!removed || !removed->commits || removed->ends_with_gap) return std::optional<Timestamp>();
  return std::optional(removed->commits->last);
}

const SnapshotEntry* FirstSnapshot(const Catalog& catalog) {
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.complete) return &snapshot;
  }
  return nullptr;
}

std::string Reachable(const Catalog& catalog) {
  const SnapshotEntry* first = FirstSnapshot(catalog);
  if (first == nullptr) {
    return "no base snapshot is complete yet; let trunklined finish one";
  }
  return "lsn:" + first->lsn.ToString() + " to lsn:" + catalog.end().ToString() + " can be reached";
}

// The end of a transaction, or where that is in a later block any LSN inside its commit record.
Lsn LimitAfter(const TransactionInfo& transaction) {
  return transaction.end_lsn.valid() ? transaction.end_lsn : Lsn{transaction.commit_lsn.value + 1};
}

// The only one of `found`, the transactions that fit a target.
Result<TransactionInfo> TheOnly(const std::vector<TransactionInfo>& found,
                                const std::string& target, std::string_view prefix) {
  if (found.empty()) {
    return Fail(ErrorKind::kNotFound, "the archive has no transaction for " + target,
                "trunkline info shows what is in it");
  }
  if (found.size() == 1) return found.front();
  std::string choices;
  for (size_t i = 0; i < std::min(found.size(), kMostChoices); ++i) {
    choices += choices.empty() ? " " : ", ";
    choices.append(prefix).append("lsn:").append(LimitAfter(found[i]).ToString());
    choices += " (" + Describe(found[i]) + ")";
  }
  if (found.size() > kMostChoices) {
    choices += " and " + std::to_string(found.size() - kMostChoices) + " more, which trunkline " +
               "log --format jsonl shows";
  }
  return Fail(ErrorKind::kInvalidArgument,
              target + " is ambiguous: " + std::to_string(found.size()) + " transactions fit",
              "choose one by its LSN:" + choices);
}

class LimitResolver {
 public:
  LimitResolver(const Store& store, const Catalog& catalog)
      : store_(store), timeline_(store, catalog), catalog_(catalog) {}

  // A base snapshot past the segments counts once it does not need the changes up to it, as one
  // does that was taken up again after a crash.
  Result<Lsn> operator()(Latest) const {
    const Lsn end = catalog_.end();
    const Lsn archived = catalog_.segments.empty() ? end : catalog_.segments.back().end;
    if (archived < end) {
      ASSIGN_OR_RETURN(const std::vector<TablesAt> start, SnapshotsFor(store_, catalog_, end));
      return start.front().lsn < end ? archived : end;
    }
    if (end.valid()) return end;
    return Fail(ErrorKind::kNotFound, "the archive is empty", Reachable(catalog_));
  }

  Result<Lsn> operator()(Lsn lsn) const {
    if (lsn <= catalog_.end()) return lsn;
    return Fail(ErrorKind::kNotFound, "lsn:" + lsn.ToString() + " is after the archive's end",
                Reachable(catalog_));
  }

  // As recovery_target_time: up to the first commit that is later.
  Result<Lsn> operator()(Timestamp time) const {
    TRY(CheckRemoved(time, [time](Timestamp commit) { return commit > time; }));
    return UpToFirst("later than", time, [time](Timestamp commit) { return commit > time; });
  }

  Result<Lsn> operator()(AtXid target) const {
    ASSIGN_OR_RETURN(const TransactionInfo transaction, Find(target, {}));
    return LimitAfter(transaction);
  }

  Result<Lsn> operator()(const AtName& target) const {
    ASSIGN_OR_RETURN(const TransactionInfo transaction, Find(target, {}));
    return LimitAfter(transaction);
  }

  Result<Lsn> operator()(const Before& target) const {
    return std::visit([this](const auto& instant) { return UpTo(instant); }, target.instant);
  }

 private:
  // What Before says of each kind of instant.
  Result<Lsn> UpTo(Timestamp time) const {
    TRY(CheckRemoved(time, [time](Timestamp commit) { return commit >= time; }));
    return UpToFirst("at or after", time, [time](Timestamp commit) { return commit >= time; });
  }

  Result<Lsn> UpTo(Lsn lsn) const {
    ASSIGN_OR_RETURN(const Lsn limit, (*this)(lsn));
    ASSIGN_OR_RETURN(const auto last, timeline_.LastBefore(limit));
    return last && limit <= last->end_lsn ? last->commit_lsn : limit;
  }

  // The first commit that is out may have been one of those that retention removed.
  Result<void> CheckRemoved(Timestamp time,
                            const std::function<bool(Timestamp commit)>& is_out) const {
    ASSIGN_OR_RETURN(const auto removed, RemovedFrom(store_, catalog_));
    if (!removed || !removed->commits || !is_out(removed->commits->latest)) return {};
    return Fail(ErrorKind::kNotFound,
                time.ToString() + " lies in what was archived before " +
                    catalog_.retained->end.ToString() + ", and was removed",
                "trunkline retain did so. " + Reachable(catalog_));
  }

  template <typename Named>
  Result<Lsn> UpTo(const Named& target) const {
    ASSIGN_OR_RETURN(const TransactionInfo transaction, Find(target, kBefore));
    return transaction.commit_lsn;
  }

  Result<Lsn> UpToFirst(const std::string& what, Timestamp time,
                        const std::function<bool(Timestamp commit)>& is_out) const {
    std::optional<TransactionInfo> out;
    TRY(timeline_.Scan([&](const SegmentReader&,
                           const BlockStats& block) { return is_out(block.commit_time_max); },
                       [&](const TransactionSlice& slice, std::span<const Change>) {
                         if (is_out(slice.info.commit_time)) out = slice.info;
                         return !out;
                       }));
    if (out) return out->commit_lsn;
    ASSIGN_OR_RETURN(const auto last, timeline_.LastBefore(catalog_.end()));
    return Fail(ErrorKind::kNotFound,
                "the archive has no commit " + what + " " + time.ToString() +
                    ", so more that belong before it may come" +
                    (last ? "; the last one is " + Describe(*last) : std::string()),
                "for the newest state ask for latest");
  }

  // `prefix` is what stands in front of the target.
  Result<TransactionInfo> Find(AtXid target, std::string_view prefix) const {
    std::vector<TransactionInfo> found;
    TRY(timeline_.Scan(nullptr, [&](const TransactionSlice& slice, std::span<const Change>) {
      if (slice.info.xid == target.xid && slice.ends) found.push_back(slice.info);
      return true;
    }));
    return TheOnly(found, "xid:" + std::to_string(target.xid.value), prefix);
  }

  Result<TransactionInfo> Find(const AtName& target, std::string_view prefix) const {
    std::vector<TransactionInfo> found;
    TRY(timeline_.Scan(
        [](const SegmentReader&, const BlockStats& block) { return block.has_messages; },
        [&](const TransactionSlice& slice, std::span<const Change> changes) {
          const bool named = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
            return change.operation == Operation::kMessage && change.transactional &&
                   change.prefix == kRestorePointPrefix && change.content == target.name;
          });
          const bool again = !found.empty() && found.back().commit_lsn == slice.info.commit_lsn;
          if (named && !again) found.push_back(slice.info);
          return true;
        }));
    return TheOnly(found, "name:" + target.name, prefix);
  }

  const Store& store_;
  Timeline timeline_;
  const Catalog& catalog_;
};

// A timestamp between two commits that the archive holds is exact, also where the first of the two
// was removed. Before the first one, or right after a gap, only the base snapshot's own time can
// show that nothing was missed.
Result<void> CheckTimeIsCovered(Timestamp time, bool exclusive, const ResolvedTarget& resolved,
                                const std::optional<Timestamp>& snapshot_time,
                                bool last_was_removed, const Catalog& catalog) {
  if (resolved.last || last_was_removed) return {};
  if (snapshot_time && (exclusive ? *snapshot_time < time : *snapshot_time <= time)) return {};
  const SnapshotEntry* first = FirstSnapshot(catalog);
  const bool is_first = first != nullptr && first->lsn == resolved.snapshot;
  const std::string snapshot = "the base snapshot at LSN " + resolved.snapshot.ToString() +
                               (snapshot_time ? " of " + snapshot_time->ToString() : std::string());
  if (is_first) {
    return Fail(ErrorKind::kNotFound,
                time.ToString() + " is before " + snapshot + ", the archive's first",
                Reachable(catalog));
  }
  return Fail(ErrorKind::kGap, time.ToString() + " lies in a gap of the archive before " + snapshot,
              Reachable(catalog));
}

const Timestamp* TimeOf(const Target& target) {
  const Before* before = std::get_if<Before>(&target);
  return before == nullptr ? std::get_if<Timestamp>(&target)
                           : std::get_if<Timestamp>(&before->instant);
}

Result<Target> ParseBefore(std::string_view text) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(text));
  return std::visit(
      [&](const auto& instant) -> Result<Target> {
        using Instant = std::decay_t<decltype(instant)>;
        if constexpr (std::is_constructible_v<decltype(Before::instant), Instant>) {
          return Target(Before{instant});
        } else {
          return Fail(ErrorKind::kInvalidArgument,
                      "target \"" + std::string(kBefore) + std::string(text) +
                          "\": there is no instant to be before",
                      std::string(kForms));
        }
      },
      target);
}

}  // namespace

Result<Target> ParseTarget(std::string_view text) {
  const auto after = [text](std::string_view prefix) -> std::optional<std::string_view> {
    if (!text.starts_with(prefix)) return std::nullopt;
    return text.substr(prefix.size());
  };
  const std::string context = "target \"" + std::string(text) + "\"";
  if (text == "latest") return Target(Latest{});
  if (const auto instant = after(kBefore)) return ParseBefore(*instant);
  if (const auto lsn = after("lsn:")) {
    const Result<Lsn> parsed = Lsn::Parse(*lsn);
    if (parsed) return Target(*parsed);
    return Fail(Error(parsed.error()).WithContext(context));
  }
  if (const auto digits = after("xid:")) {
    Xid xid;
    const auto [end, error] =
        std::from_chars(digits->data(), digits->data() + digits->size(), xid.value);
    if (error == std::errc() && end == digits->data() + digits->size() && xid.valid()) {
      return Target(AtXid{xid});
    }
    return Fail(ErrorKind::kInvalidArgument, context + ": not a transaction id",
                std::string(kForms));
  }
  if (const auto name = after("name:")) {
    if (!name->empty()) return Target(AtName{std::string(*name)});
    return Fail(ErrorKind::kInvalidArgument, context + ": no name", std::string(kForms));
  }
  const Result<Timestamp> time = Timestamp::Parse(text);
  if (time) return Target(*time);
  const bool meant_a_time = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!meant_a_time) {
    return Fail(ErrorKind::kInvalidArgument, context + ": not an instant", std::string(kForms));
  }
  return Fail(Error(time.error()).WithContext(context));
}

namespace {

Result<Lsn> LimitIn(const Store& store, const Catalog& catalog, const Target& target) {
  return std::visit(LimitResolver(store, catalog), target);
}

Result<ResolvedTarget> ResolveIn(const Store& store, const Catalog& catalog, const Target& target) {
  const Timeline timeline(store, catalog);
  ResolvedTarget resolved;
  ASSIGN_OR_RETURN(resolved.limit, LimitIn(store, catalog, target));
  const SnapshotEntry* snapshot = catalog.SnapshotAtOrBefore(resolved.limit);
  if (snapshot == nullptr) {
    return Fail(ErrorKind::kNotFound,
                "the target, LSN " + resolved.limit.ToString() +
                    ", is before the archive's first base snapshot",
                Reachable(catalog));
  }
  resolved.snapshot = snapshot->lsn;
  ASSIGN_OR_RETURN(const std::vector<TablesAt> start, SnapshotsFor(store, catalog, resolved.limit));
  TRY(SegmentsBetween(catalog, start.front().lsn, resolved.limit));
  ASSIGN_OR_RETURN(resolved.last, timeline.LastBefore(resolved.limit));
  ASSIGN_OR_RETURN(resolved.next, timeline.FirstFrom(resolved.limit));
  if (resolved.last && resolved.limit < resolved.last->end_lsn) {
    resolved.limit = resolved.last->end_lsn;  // from inside its commit record to the end of it
  }
  std::optional<Timestamp> snapshot_time;
  std::optional<Timestamp> last_removed;
  if (!resolved.last) {
    ASSIGN_OR_RETURN(snapshot_time, SnapshotTime(store, *snapshot));
    ASSIGN_OR_RETURN(last_removed, LastRemoved(store, catalog, resolved.limit));
  }
  if (const Timestamp* time = TimeOf(target)) {
    TRY(CheckTimeIsCovered(*time, std::holds_alternative<Before>(target), resolved, snapshot_time,
                           last_removed.has_value(), catalog));
    resolved.instant = *time;
  } else {
    resolved.instant = resolved.last  ? resolved.last->commit_time
                       : last_removed ? last_removed
                                      : snapshot_time;
  }
  return resolved;
}

}  // namespace

Result<Lsn> ResolveLimit(const Store& store, const Catalog& catalog, const Target& target) {
  return OnNewestCatalog<Lsn>(store, catalog,
                              [&](const Catalog& now) { return LimitIn(store, now, target); });
}

Result<bool> IsRemoved(const Store& store, const Catalog& catalog, Timestamp time) {
  ASSIGN_OR_RETURN(const auto removed, RemovedFrom(store, catalog));
  return removed && removed->commits && removed->commits->latest > time;
}

Result<ResolvedTarget> ResolveTarget(const Store& store, const Catalog& catalog,
                                     const Target& target) {
  return OnNewestCatalog<ResolvedTarget>(
      store, catalog, [&](const Catalog& now) { return ResolveIn(store, now, target); });
}

std::string ResolvedTarget::ToString() const {
  std::string line = "LSN " + limit.ToString() + ": ";
  line += last ? "after " + Describe(*last) : "before any transaction";
  line += next ? ", before " + Describe(*next) : ", the archive's end";
  return line;
}

}  // namespace trunkline
