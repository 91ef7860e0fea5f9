// An Explanation, for people and as JSON.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "replay/explain.h"
#include "replay/progress.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

struct Totals {
  uint64_t segment_bytes = 0;
  uint64_t blocks = 0;
  uint64_t blocks_read = 0;
};

Totals TotalsOf(const Explanation& explanation) {
  Totals totals;
  for (const Explanation::Segment& segment : explanation.segments) {
    totals.segment_bytes += segment.bytes;
    totals.blocks += segment.blocks;
    totals.blocks_read += segment.blocks_read;
  }
  return totals;
}

std::string Seconds(double seconds) {
  if (seconds < 0.05) return "less than 0.1 s";
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  return text;
}

std::string Snapshots(const Explanation& explanation) {
  std::string text;
  for (const Explanation::Snapshot& snapshot : explanation.snapshots) {
    text += snapshot.base ? "snapshot  " : "tables    ";
    text += "LSN " + snapshot.lsn.ToString() + ": " + FormatCount(snapshot.tables, "table") +
            " in " + FormatCount(snapshot.parts, "part") + " of " + FormatBytes(snapshot.bytes) +
            "\n";
  }
  return text;
}

std::string Segments(const Explanation& explanation, const Totals& totals) {
  const auto& segments = explanation.segments;
  if (segments.empty()) return "segments  none: the target is at the snapshot\n";
  std::string text = "segments  " + std::to_string(segments.size()) + " of " +
                     FormatBytes(totals.segment_bytes) + ": " + segments.front().name;
  if (segments.size() > 1) text += " to " + segments.back().name;
  return text + "\nunbroken  from LSN " + explanation.from.ToString() + " to LSN " +
         explanation.target.limit.ToString() +
         ": each segment begins where the one before ends, and names its digest\n";
}

std::string Work(const Explanation& explanation, const Totals& totals) {
  const uint64_t skipped = totals.blocks - totals.blocks_read;
  return "to read   " + FormatBytes(explanation.bytes_read()) + "; of segments " +
         FormatCount(totals.blocks_read, "block") + ", while " + FormatCount(skipped) +
         (skipped == 1 ? " is" : " are") + " skipped\nto fold   " +
         FormatCount(explanation.snapshot_rows(), "row") + " of snapshots and " +
         FormatCount(explanation.changes(), "change") + "\nestimate  " +
         Seconds(explanation.estimated_seconds()) + " to read and fold, at " +
         FormatBytes(kEstimatedBytesPerSecond) + " and " + FormatCount(kEstimatedChangesPerSecond) +
         " changes a second; what the destination takes comes on top\n";
}

std::string Refusals(const Explanation& explanation) {
  std::string text;
  for (const DoubtInterval& doubt : explanation.doubts) {
    text += "in doubt  " + Printable(doubt.reason) + "; from " + doubt.from.ToString() +
            (doubt.until ? " until its snapshot at " + doubt.until->ToString() : " on") +
            ": a rebuild is refused if the table has rows, unless --tables leaves it out\n";
  }
  if (explanation.destination.empty()) return text;
  text += "to write  " + Printable(explanation.destination);
  if (explanation.refused) text += ", which refuses it: " + explanation.refused->ToString();
  return text + "\n";
}

std::string Tables(const Explanation& explanation) {
  if (explanation.tables.empty()) return "";
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.Add({"Table", "snapshot rows", "size", "changes", "in blocks of"});
  for (const auto& [oid, of] : explanation.tables) {
    table.Add({Printable(of.name.first + "." + of.name.second), FormatCount(of.snapshot_rows),
               FormatBytes(of.snapshot_bytes), FormatCount(of.changes),
               FormatBytes(of.block_bytes)});
  }
  return "\n" + table.Render("");
}

std::string EachSegment(const Explanation& explanation) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.Add({"Segment", "size", "blocks", "read", "changes"});
  for (const Explanation::Segment& segment : explanation.segments) {
    table.Add({segment.name, FormatBytes(segment.bytes), FormatCount(segment.blocks),
               FormatCount(segment.blocks_read), FormatCount(segment.changes)});
  }
  return explanation.segments.empty() ? "" : "\n" + table.Render("");
}

Json ToJson(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return nullptr;
  return {{"xid", transaction->xid.value},
          {"commit_lsn", transaction->commit_lsn.ToString()},
          {"commit_time", transaction->commit_time.ToString()}};
}

Json TargetJson(const ResolvedTarget& target) {
  return {{"lsn", target.limit.ToString()},
          {"last", ToJson(target.last)},
          {"next", ToJson(target.next)},
          {"as_of", target.instant ? Json(target.instant->ToString()) : Json(nullptr)}};
}

Json SnapshotsJson(const Explanation& explanation) {
  Json snapshots = Json::array();
  for (const Explanation::Snapshot& snapshot : explanation.snapshots) {
    snapshots.push_back({{"lsn", snapshot.lsn.ToString()},
                         {"base", snapshot.base},
                         {"tables", snapshot.tables},
                         {"parts", snapshot.parts},
                         {"bytes", snapshot.bytes}});
  }
  return snapshots;
}

Json SegmentsJson(const Explanation& explanation) {
  Json segments = Json::array();
  for (const Explanation::Segment& segment : explanation.segments) {
    segments.push_back({{"object", segment.name},
                        {"begin", segment.begin.ToString()},
                        {"end", segment.end.ToString()},
                        {"bytes", segment.bytes},
                        {"blocks", segment.blocks},
                        {"blocks_read", segment.blocks_read},
                        {"bytes_read", segment.bytes_read},
                        {"changes", segment.changes}});
  }
  return segments;
}

Json TablesJson(const Explanation& explanation) {
  Json tables = Json::array();
  for (const auto& [oid, table] : explanation.tables) {
    tables.push_back({{"schema", table.name.first},
                      {"name", table.name.second},
                      {"snapshot_rows", table.snapshot_rows},
                      {"snapshot_bytes", table.snapshot_bytes},
                      {"changes", table.changes},
                      {"block_bytes", table.block_bytes}});
  }
  return tables;
}

Json DoubtsJson(const Explanation& explanation) {
  Json doubts = Json::array();
  for (const DoubtInterval& doubt : explanation.doubts) {
    doubts.push_back({{"schema", doubt.table.first},
                      {"name", doubt.table.second},
                      {"from", doubt.from.ToString()},
                      {"until", doubt.until ? Json(doubt.until->ToString()) : Json(nullptr)},
                      {"reason", doubt.reason}});
  }
  return doubts;
}

}  // namespace

std::string ToText(const Explanation& explanation, bool verbose) {
  const Totals totals = TotalsOf(explanation);
  std::string text = "target    " + explanation.target.ToString() + "\n";
  if (explanation.target.instant) {
    text += "as of     " + explanation.target.instant->ToString() + "\n";
  }
  text += Snapshots(explanation) + Segments(explanation, totals) + Work(explanation, totals) +
          Refusals(explanation) + Tables(explanation);
  return verbose ? text + EachSegment(explanation) : text;
}

std::string ToJsonText(const Explanation& explanation) {
  Json json;
  json["target"] = TargetJson(explanation.target);
  json["unbroken_from"] = explanation.from.ToString();
  json["snapshots"] = SnapshotsJson(explanation);
  json["segments"] = SegmentsJson(explanation);
  json["tables"] = TablesJson(explanation);
  json["bytes_to_read"] = explanation.bytes_read();
  json["snapshot_rows"] = explanation.snapshot_rows();
  json["changes"] = explanation.changes();
  json["estimated_seconds"] = explanation.estimated_seconds();
  json["estimated_at"] = {{"bytes_per_second", kEstimatedBytesPerSecond},
                          {"changes_per_second", kEstimatedChangesPerSecond}};
  json["in_doubt"] = DoubtsJson(explanation);
  json["destination"] = explanation.destination;
  json["refused"] = explanation.refused ? Json(explanation.refused->ToString()) : Json(nullptr);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace trunkline
