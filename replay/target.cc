#include "replay/target.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "archive/listed_segment.h"
#include "archive/manifest.h"
#include "archive/rebuild_start.h"
#include "replay/read_ahead.h"

namespace trunkline {
namespace {

constexpr std::string_view kRestorePointPrefix = "trunkline.restore_point";
constexpr std::string_view kForms =
    "a target is latest, \"2016-11-30 09:29:00-08\", lsn:0/16B3748, xid:1234 or name:POINT";

// Segments, and the transactions in them, in the order of the archive.
class Timeline {
 public:
  Timeline(const Store& store, const Catalog& catalog) : store_(store), catalog_(catalog) {}

  // Visits the transactions' slices in the blocks that `wanted` chooses until `visit` says stop.
  Result<void> Scan(const ReadAhead::Filter& wanted,
                    const std::function<bool(const TransactionSlice& slice,
                                             std::span<const Change> changes)>& visit) const {
    std::vector<ObjectInfo> objects;
    for (const SegmentEntry& segment : catalog_.segments) {
      if (!segment.gap) objects.push_back({segment.name, segment.size});
    }
    ReadAhead blocks(store_, std::move(objects), wanted);
    for (;;) {
      ASSIGN_OR_RETURN(const ReadAhead::Item* item, blocks.Next());
      if (item == nullptr) return {};
      for (const TransactionSlice& slice : item->block.slices()) {
        if (!slice.info.xid.valid()) continue;  // a message outside of transactions
        if (!visit(slice, item->block.changes().subspan(slice.first_change, slice.change_count))) {
          return {};
        }
      }
    }
  }

  // The last transaction whose commit record begins before `limit`, unless a gap is between.
  Result<std::optional<TransactionInfo>> LastBefore(Lsn limit) const {
    Lsn reached = limit;
    for (size_t i = catalog_.segments.size(); i-- > 0;) {
      const SegmentEntry& segment = catalog_.segments[i];
      if (segment.begin >= limit) continue;
      if (segment.gap || segment.end < reached) break;
      reached = segment.begin;
      ASSIGN_OR_RETURN(auto reader, OpenListed(store_, segment.name));
      for (size_t block = reader->blocks().size(); block-- > 0;) {
        if (reader->blocks()[block].commit_lsn_min >= limit) continue;
        ASSIGN_OR_RETURN(auto found, LastInBlock(*reader, block, limit));
        if (found) return found;
      }
    }
    return std::optional<TransactionInfo>();
  }

  // The first transaction whose commit record begins at `limit` or later, likewise.
  Result<std::optional<TransactionInfo>> FirstFrom(Lsn limit) const {
    Lsn reached = limit;
    for (const SegmentEntry& segment : catalog_.segments) {
      if (segment.end <= limit) continue;
      if (segment.gap || segment.begin > reached) break;
      reached = segment.end;
      ASSIGN_OR_RETURN(auto reader, OpenListed(store_, segment.name));
      for (size_t block = 0; block < reader->blocks().size(); ++block) {
        if (reader->blocks()[block].commit_lsn_max < limit) continue;
        ASSIGN_OR_RETURN(auto found, FirstInBlock(*reader, block, limit));
        if (found) return found;
      }
    }
    return std::optional<TransactionInfo>();
  }

 private:
  static Result<std::optional<TransactionInfo>> LastInBlock(const SegmentReader& reader,
                                                            size_t index, Lsn limit) {
    DecodedBlock block;
    TRY(reader.ReadBlock(index, &block));
    std::optional<TransactionInfo> last;
    for (const TransactionSlice& slice : block.slices()) {
      if (slice.info.xid.valid() && slice.info.commit_lsn < limit) last = slice.info;
    }
    return last;
  }

  static Result<std::optional<TransactionInfo>> FirstInBlock(const SegmentReader& reader,
                                                             size_t index, Lsn limit) {
    DecodedBlock block;
    TRY(reader.ReadBlock(index, &block));
    for (const TransactionSlice& slice : block.slices()) {
      if (slice.info.xid.valid() && slice.info.commit_lsn >= limit) {
        return std::optional(slice.info);
      }
    }
    return std::optional<TransactionInfo>();
  }

  const Store& store_;
  const Catalog& catalog_;
};

std::string Describe(const TransactionInfo& transaction) {
  return "xid " + std::to_string(transaction.xid.value) + " committed " +
         transaction.commit_time.ToString() + " at LSN " + transaction.commit_lsn.ToString();
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

// The one limit of `limits`, which are those of all transactions that fit a target.
Result<Lsn> TheOnly(const std::vector<Lsn>& limits, const std::string& target) {
  if (limits.empty()) {
    return Fail(ErrorKind::kNotFound, "the archive has no transaction for " + target,
                "trunkline info shows what is in it");
  }
  if (limits.size() == 1) return limits.front();
  std::string all;
  for (const Lsn limit : limits) all += " lsn:" + limit.ToString();
  return Fail(ErrorKind::kInvalidArgument,
              target + " is ambiguous: " + std::to_string(limits.size()) + " transactions fit",
              "choose one of" + all);
}

class LimitResolver {
 public:
  LimitResolver(const Store& store, const Catalog& catalog)
      : timeline_(store, catalog), catalog_(catalog) {}

  Result<Lsn> operator()(Latest) const {
    if (catalog_.end().valid()) return catalog_.end();
    return Fail(ErrorKind::kNotFound, "the archive is empty", Reachable(catalog_));
  }

  Result<Lsn> operator()(Lsn lsn) const {
    if (lsn <= catalog_.end()) return lsn;
    return Fail(ErrorKind::kNotFound, "lsn:" + lsn.ToString() + " is after the archive's end",
                Reachable(catalog_));
  }

  // As recovery_target_time: up to the first commit that is later.
  Result<Lsn> operator()(Timestamp time) const {
    std::optional<TransactionInfo> later;
    TRY(timeline_.Scan([time](const SegmentReader&,
                              const BlockStats& block) { return block.commit_time_max > time; },
                       [&](const TransactionSlice& slice, std::span<const Change>) {
                         if (slice.info.commit_time > time) later = slice.info;
                         return !later;
                       }));
    if (later) return later->commit_lsn;
    ASSIGN_OR_RETURN(const auto last, timeline_.LastBefore(catalog_.end()));
    return Fail(ErrorKind::kNotFound,
                "the archive has no commit later than " + time.ToString() +
                    ", so more that belong before it may come" +
                    (last ? "; the last one is " + Describe(*last) : std::string()),
                "for the newest state ask for latest");
  }

  Result<Lsn> operator()(AtXid target) const {
    std::vector<Lsn> limits;
    TRY(timeline_.Scan(nullptr, [&](const TransactionSlice& slice, std::span<const Change>) {
      if (slice.info.xid == target.xid && slice.ends) limits.push_back(LimitAfter(slice.info));
      return true;
    }));
    return TheOnly(limits, "xid:" + std::to_string(target.xid.value));
  }

  Result<Lsn> operator()(const AtName& target) const {
    std::vector<Lsn> limits;
    TRY(timeline_.Scan(
        [](const SegmentReader&, const BlockStats& block) { return block.has_messages; },
        [&](const TransactionSlice& slice, std::span<const Change> changes) {
          const bool named = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
            return change.operation == Operation::kMessage && change.transactional &&
                   change.prefix == kRestorePointPrefix && change.content == target.name;
          });
          if (named) limits.push_back(LimitAfter(slice.info));
          return true;
        }));
    return TheOnly(limits, "name:" + target.name);
  }

 private:
  Timeline timeline_;
  const Catalog& catalog_;
};

// A timestamp between two commits that the archive holds is exact. Before the first one, or right
// after a gap, only the base snapshot's own time can show that nothing was missed.
Result<void> CheckTimeIsCovered(Timestamp time, const ResolvedTarget& resolved,
                                const std::optional<Timestamp>& snapshot_time,
                                const Catalog& catalog) {
  if (resolved.last || (snapshot_time && *snapshot_time <= time)) return {};
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

}  // namespace

Result<Target> ParseTarget(std::string_view text) {
  const auto after = [text](std::string_view prefix) -> std::optional<std::string_view> {
    if (!text.starts_with(prefix)) return std::nullopt;
    return text.substr(prefix.size());
  };
  const std::string context = "target \"" + std::string(text) + "\"";
  if (text == "latest") return Target(Latest{});
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

Result<Lsn> ResolveLimit(const Store& store, const Catalog& catalog, const Target& target) {
  return std::visit(LimitResolver(store, catalog), target);
}

Result<ResolvedTarget> ResolveTarget(const Store& store, const Catalog& catalog,
                                     const Target& target) {
  const Timeline timeline(store, catalog);
  ResolvedTarget resolved;
  ASSIGN_OR_RETURN(resolved.limit, ResolveLimit(store, catalog, target));
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
  if (!resolved.last) {
    ASSIGN_OR_RETURN(snapshot_time, SnapshotTime(store, *snapshot));
  }
  if (const Timestamp* time = std::get_if<Timestamp>(&target)) {
    TRY(CheckTimeIsCovered(*time, resolved, snapshot_time, catalog));
    resolved.instant = *time;
  } else {
    resolved.instant = resolved.last ? resolved.last->commit_time : snapshot_time;
  }
  return resolved;
}

std::string ResolvedTarget::ToString() const {
  std::string line = "LSN " + limit.ToString() + ": ";
  line += last ? "after " + Describe(*last) : "before any transaction";
  line += next ? ", before " + Describe(*next) : ", the archive's end";
  return line;
}

}  // namespace trunkline
