#include <nlohmann/json.hpp>

#include "replay/info_output.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return nullptr;
  return {{"xid", transaction->xid.value},
          {"commit_lsn", transaction->commit_lsn.ToString()},
          {"commit_time", transaction->commit_time.ToString()}};
}

Json ToJson(const std::optional<Timestamp>& time) {
  return time ? Json(time->ToString()) : Json(nullptr);
}

Json ToJson(const Identity& identity) {
  return {{"system_identifier", identity.system_identifier},
          {"database", identity.database},
          {"publication", identity.publication},
          {"slot", identity.slot}};
}

Json TablesToJson(const ArchiveSummary& summary) {
  Json tables = Json::array();
  for (const auto& [name, counts] : summary.tables) {
    tables.push_back({{"schema", name.first},
                      {"name", name.second},
                      {"snapshot_rows", counts.snapshot_rows},
                      {"snapshot_bytes", counts.snapshot_bytes},
                      {"change_bytes", counts.change_bytes},
                      {"inserts", counts.inserts},
                      {"updates", counts.updates},
                      {"deletes", counts.deletes},
                      {"truncates", counts.truncates}});
  }
  return tables;
}

Json ToJson(const std::optional<Activity>& activity) {
  if (!activity) return nullptr;
  const double days = static_cast<double>(activity->time.count()) / 86'400e6;
  return {{"seconds", static_cast<double>(activity->time.count()) / 1e6},
          {"changes", activity->changes},
          {"bytes", activity->bytes},
          {"changes_per_day", static_cast<double>(activity->changes) / days},
          {"bytes_per_day", static_cast<double>(activity->bytes) / days}};
}

Json ToJson(const std::optional<Distance>& distance) {
  if (!distance) return nullptr;
  return {{"snapshot", distance->snapshot.ToString()},
          {"reachable", !distance->gap},
          {"segments", distance->segments},
          {"changes", distance->changes},
          {"bytes", distance->bytes}};
}

Json ServersToJson(const ArchiveSummary& summary) {
  Json servers = Json::array();
  for (const ServerRun& run : summary.servers) {
    servers.push_back({{"from", run.from.ToString()},
                       {"timeline", run.timeline},
                       {"server_version", run.server_version}});
  }
  return servers;
}

Json SnapshotsToJson(const ArchiveSummary& summary) {
  Json snapshots = Json::array();
  for (const SnapshotEntry& entry : summary.catalog.snapshots) {
    const auto found = summary.snapshot_times.find(entry.lsn);
    const SnapshotTimes times =
        found == summary.snapshot_times.end() ? SnapshotTimes() : found->second;
    snapshots.push_back({{"lsn", entry.lsn.ToString()},
                         {"time", ToJson(times.noted)},
                         {"after", ToJson(times.commits.after)},
                         {"before", ToJson(times.commits.before)},
                         {"complete", entry.complete},
                         {"tables", entry.tables.size()},
                         {"parts", entry.parts.size()},
                         {"bytes", entry.size}});
  }
  return snapshots;
}

Json GapsToJson(const ArchiveSummary& summary) {
  Json gaps = Json::array();
  for (const GapSummary& gap : summary.gaps) {
    gaps.push_back(
        {{"begin", gap.begin.ToString()}, {"end", gap.end.ToString()}, {"reason", gap.reason}});
  }
  return gaps;
}

Json DoubtsToJson(const ArchiveSummary& summary) {
  Json doubts = Json::array();
  for (const DoubtInterval& doubt : summary.doubts) {
    doubts.push_back({{"schema", doubt.table.first},
                      {"name", doubt.table.second},
                      {"from", doubt.from.ToString()},
                      {"until", doubt.until ? Json(doubt.until->ToString()) : Json(nullptr)},
                      {"reason", doubt.reason}});
  }
  return doubts;
}

Json RestorePointsToJson(const ArchiveSummary& summary) {
  Json points = Json::array();
  for (const RestorePoint& point : summary.restore_points) {
    points.push_back({{"name", point.name},
                      {"commit_lsn", point.transaction.commit_lsn.ToString()},
                      {"commit_time", point.transaction.commit_time.ToString()}});
  }
  return points;
}

}  // namespace

std::string InfoJson(const ArchiveSummary& summary, const std::string& url) {
  const Catalog& catalog = summary.catalog;
  Json json;
  json["archive"] = url;
  json["format_version"] = catalog.identity.format_version;
  json["source"] = ToJson(catalog.identity);
  const bool has_segments = !catalog.segments.empty();
  json["begin"] = has_segments ? Json(summary.begin.ToString()) : Json(nullptr);
  json["end"] = has_segments ? Json(catalog.segments.back().end.ToString()) : Json(nullptr);
  json["retained_from"] =
      summary.catalog.retained ? Json(summary.catalog.retained->end.ToString()) : Json(nullptr);
  json["first_commit"] = ToJson(summary.first);
  json["last_commit"] = ToJson(summary.last);
  json["transactions"] = summary.transactions;
  json["changes"] = summary.changes;
  json["bytes"] = summary.bytes;
  json["segments"] = catalog.segments.size();
  json["segment_bytes"] = summary.segment_bytes;
  json["snapshot_bytes"] = summary.snapshot_bytes;
  json["rates"] = {{"span", ToJson(summary.over_span)}, {"last_day", ToJson(summary.last_day)}};
  json["to_end"] = ToJson(summary.distance);
  json["servers"] = ServersToJson(summary);
  json["tables"] = TablesToJson(summary);
  json["snapshots"] = SnapshotsToJson(summary);
  json["gaps"] = GapsToJson(summary);
  json["inexact"] = DoubtsToJson(summary);
  json["restore_points"] = RestorePointsToJson(summary);
  json["foreign"] = catalog.foreign;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace trunkline
