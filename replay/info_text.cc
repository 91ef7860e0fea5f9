#include <cstdio>

#include "replay/info_output.h"
#include "replay/progress.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

std::string DescribeTransaction(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return "none";
  return transaction->commit_time.ToString() + ", xid " + std::to_string(transaction->xid.value) +
         ", commit at " + transaction->commit_lsn.ToString();
}

std::string DescribeSpan(const ArchiveSummary& summary) {
  if (summary.catalog.segments.empty()) return "no changes yet";
  return summary.begin.ToString() + " to " + summary.catalog.segments.back().end.ToString();
}

// "15.18" of 150018.
std::string Version(uint32_t number) {
  return std::to_string(number / 10000) + "." + std::to_string(number % 10000);
}

std::string DescribeServers(const ArchiveSummary& summary) {
  std::string text;
  for (const ServerRun& run : summary.servers) {
    if (!text.empty()) text += "; from " + run.from.ToString() + " on ";
    text +=
        "Postgres " + Version(run.server_version) + ", timeline " + std::to_string(run.timeline);
  }
  return text;
}

// In the largest unit of which the time holds one, so that nothing is claimed for longer times.
std::string DescribeRate(const Activity& activity) {
  struct Unit {
    const char* name;
    int64_t seconds;
  };
  static constexpr Unit kUnits[] = {{"day", 86'400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
  const double seconds = static_cast<double>(activity.time.count()) / 1e6;
  for (const Unit& unit : kUnits) {
    const double units = seconds / static_cast<double>(unit.seconds);
    if (units < 1) continue;
    char time[48];
    std::snprintf(time, sizeof time, "%.1f %ss", units, unit.name);
    const auto per = [units](uint64_t number) {
      return static_cast<uint64_t>(static_cast<double>(number) / units + 0.5);
    };
    return FormatCount(per(activity.changes), "change") + " and " +
           FormatBytes(per(activity.bytes)) + " a " + unit.name + ", over " + time;
  }
  return FormatCount(activity.changes, "change") + " within a second";
}

std::string DescribeDistance(const Distance& distance) {
  const std::string snapshot = "the base snapshot at " + distance.snapshot.ToString();
  if (distance.gap) return "cannot be rebuilt: a gap lies between it and " + snapshot;
  return FormatCount(distance.changes, "change") + " in " +
         FormatCount(distance.segments, "segment") + " of " + FormatBytes(distance.bytes) +
         " behind " + snapshot;
}

std::string Header(const ArchiveSummary& summary, const std::string& url) {
  const Identity& identity = summary.catalog.identity;
  TextTable table({Align::kLeft, Align::kLeft});
  table.Add({"Archive", Printable(url)});
  table.Add({"Source", "database " + Printable(identity.database) + ", publication " +
                           Printable(identity.publication) + ", slot " + Printable(identity.slot) +
                           ", system " + identity.system_identifier});
  if (!summary.servers.empty()) table.Add({"Server", DescribeServers(summary)});
  table.Add({"Span", DescribeSpan(summary)});
  if (summary.catalog.retained) {
    table.Add({"Removed", "what was archived before " + summary.begin.ToString()});
  }
  table.Add({"First commit", DescribeTransaction(summary.first)});
  table.Add({"Last commit", DescribeTransaction(summary.last)});
  table.Add({"Changes", FormatCount(summary.changes) + " in " +
                            FormatCount(summary.transactions, "transaction")});
  if (summary.over_span) table.Add({"Rate", DescribeRate(*summary.over_span)});
  const bool longer = summary.last_day && summary.last_day->time < summary.over_span->time;
  if (longer) {
    table.Add({"Last day", FormatCount(summary.last_day->changes, "change") + " and " +
                               FormatBytes(summary.last_day->bytes)});
  }
  if (summary.distance) table.Add({"The end", DescribeDistance(*summary.distance)});
  table.Add({"Size", FormatBytes(summary.bytes) + ": " +
                         FormatCount(summary.catalog.segments.size(), "segment") + " of " +
                         FormatBytes(summary.segment_bytes) + ", " +
                         FormatCount(summary.catalog.snapshots.size(), "snapshot") + " of " +
                         FormatBytes(summary.snapshot_bytes)});
  return table.Render("");
}

std::string Tables(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                   Align::kRight, Align::kRight, Align::kRight});
  table.Add({"Table", "snapshot rows", "inserts", "updates", "deletes", "truncates",
             "snapshot size", "changes, about"});
  for (const auto& [name, counts] : summary.tables) {
    table.Add({Printable(name.first + "." + name.second), FormatCount(counts.snapshot_rows),
               FormatCount(counts.inserts), FormatCount(counts.updates),
               FormatCount(counts.deletes), FormatCount(counts.truncates),
               FormatBytes(counts.snapshot_bytes), FormatBytes(counts.change_bytes)});
  }
  return summary.tables.empty() ? "" : "\n" + table.Render("");
}

std::string StateOf(const SnapshotEntry& entry) {
  if (entry.complete) return "complete";
  if (entry.tables.empty()) return "incomplete, not used";
  return FormatCount(entry.tables.size(), "table");
}

// As near as is known.
std::string WhenTaken(const ArchiveSummary& summary, Lsn lsn) {
  const auto found = summary.snapshot_times.find(lsn);
  if (found == summary.snapshot_times.end()) return "";
  const auto& [noted, commits] = found->second;
  if (noted) return noted->ToString();
  if (commits.after) return "after " + commits.after->ToString();
  return commits.before ? "before " + commits.before->ToString() : "";
}

std::string Snapshots(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  table.Add({"Snapshot", "parts", "size", "taken", "state"});
  for (const SnapshotEntry& entry : summary.catalog.snapshots) {
    table.Add({entry.lsn.ToString(), FormatCount(entry.parts.size()), FormatBytes(entry.size),
               WhenTaken(summary, entry.lsn), StateOf(entry)});
  }
  return summary.catalog.snapshots.empty() ? "" : "\n" + table.Render("");
}

std::string Gaps(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kLeft});
  table.Add({"Gap", "reason"});
  for (const GapSummary& gap : summary.gaps) {
    table.Add({gap.begin.ToString() + " to " + gap.end.ToString(), Printable(gap.reason)});
  }
  return summary.gaps.empty() ? "" : "\n" + table.Render("");
}

std::string Doubts(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft});
  table.Add({"Inexact", "from", "until the snapshot at"});
  for (const DoubtInterval& doubt : summary.doubts) {
    table.Add({Printable(doubt.table.first + "." + doubt.table.second), doubt.from.ToString(),
               doubt.until ? doubt.until->ToString() : "none yet"});
  }
  return summary.doubts.empty() ? "" : "\n" + table.Render("");
}

std::string RestorePoints(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft});
  table.Add({"Restore point", "commit", "commit time"});
  for (const RestorePoint& point : summary.restore_points) {
    table.Add({Printable(point.name), point.transaction.commit_lsn.ToString(),
               point.transaction.commit_time.ToString()});
  }
  return summary.restore_points.empty() ? "" : "\n" + table.Render("");
}

}  // namespace

std::string InfoText(const ArchiveSummary& summary, const std::string& url) {
  std::string text = Header(summary, url) + Tables(summary) + Snapshots(summary) + Gaps(summary) +
                     Doubts(summary) + RestorePoints(summary);
  if (!summary.catalog.foreign.empty()) {
    text += "\nNo part of the archive: " + FormatCount(summary.catalog.foreign.size(), "object") +
            "; trunkline verify names them.\n";
  }
  return text;
}

}  // namespace trunkline
