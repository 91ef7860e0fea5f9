// trunkline info: what is in an archive.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "replay/archive_summary.h"
#include "replay/command.h"
#include "replay/progress.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

struct InfoOptions {
  std::string archive;
  bool json = false;
};

std::string DescribeTransaction(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return "none";
  return transaction->commit_time.ToString() + ", xid " + std::to_string(transaction->xid.value) +
         ", commit at " + transaction->commit_lsn.ToString();
}

std::string DescribeSpan(const ArchiveSummary& summary) {
  if (summary.catalog.segments.empty()) return "no changes yet";
  return summary.begin.ToString() + " to " + summary.catalog.segments.back().end.ToString();
}

std::string Header(const ArchiveSummary& summary, const std::string& url) {
  const Identity& identity = summary.catalog.identity;
  TextTable table({Align::kLeft, Align::kLeft});
  table.Add({"Archive", Printable(url)});
  table.Add({"Source", "database " + Printable(identity.database) + ", publication " +
                           Printable(identity.publication) + ", slot " + Printable(identity.slot) +
                           ", system " + identity.system_identifier});
  table.Add({"Span", DescribeSpan(summary)});
  table.Add({"First commit", DescribeTransaction(summary.first)});
  table.Add({"Last commit", DescribeTransaction(summary.last)});
  table.Add({"Changes", FormatCount(summary.changes) + " in " +
                            FormatCount(summary.transactions, "transaction")});
  table.Add({"Size", FormatBytes(summary.bytes) + ": " +
                         FormatCount(summary.catalog.segments.size(), "segment") + " of " +
                         FormatBytes(summary.segment_bytes) + ", " +
                         FormatCount(summary.catalog.snapshots.size(), "snapshot") + " of " +
                         FormatBytes(summary.snapshot_bytes)});
  return table.Render("");
}

std::string Tables(const ArchiveSummary& summary) {
  TextTable table(
      {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.Add({"Table", "snapshot rows", "inserts", "updates", "deletes", "truncates"});
  for (const auto& [name, counts] : summary.tables) {
    table.Add({Printable(name.first + "." + name.second), FormatCount(counts.snapshot_rows),
               FormatCount(counts.inserts), FormatCount(counts.updates),
               FormatCount(counts.deletes), FormatCount(counts.truncates)});
  }
  return summary.tables.empty() ? "" : "\n" + table.Render("");
}

std::string StateOf(const SnapshotEntry& entry) {
  if (entry.complete) return "complete";
  if (entry.tables.empty()) return "incomplete, not used";
  return FormatCount(entry.tables.size(), "table");
}

std::string Snapshots(const ArchiveSummary& summary) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  table.Add({"Snapshot", "parts", "size", "state"});
  for (const SnapshotEntry& entry : summary.catalog.snapshots) {
    table.Add({entry.lsn.ToString(), FormatCount(entry.parts.size()), FormatBytes(entry.size),
               StateOf(entry)});
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

std::string ToText(const ArchiveSummary& summary, const std::string& url) {
  std::string text = Header(summary, url) + Tables(summary) + Snapshots(summary) + Gaps(summary) +
                     Doubts(summary) + RestorePoints(summary);
  if (!summary.catalog.foreign.empty()) {
    text += "\nNo part of the archive: " + FormatCount(summary.catalog.foreign.size(), "object") +
            "; trunkline verify names them.\n";
  }
  return text;
}

Json ToJson(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return nullptr;
  return {{"xid", transaction->xid.value},
          {"commit_lsn", transaction->commit_lsn.ToString()},
          {"commit_time", transaction->commit_time.ToString()}};
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
                      {"inserts", counts.inserts},
                      {"updates", counts.updates},
                      {"deletes", counts.deletes},
                      {"truncates", counts.truncates}});
  }
  return tables;
}

Json SnapshotsToJson(const Catalog& catalog) {
  Json snapshots = Json::array();
  for (const SnapshotEntry& entry : catalog.snapshots) {
    snapshots.push_back({{"lsn", entry.lsn.ToString()},
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

std::string ToJsonText(const ArchiveSummary& summary, const std::string& url) {
  const Catalog& catalog = summary.catalog;
  Json json;
  json["archive"] = url;
  json["format_version"] = catalog.identity.format_version;
  json["source"] = ToJson(catalog.identity);
  const bool has_segments = !catalog.segments.empty();
  json["begin"] = has_segments ? Json(summary.begin.ToString()) : Json(nullptr);
  json["end"] = has_segments ? Json(catalog.segments.back().end.ToString()) : Json(nullptr);
  json["first_commit"] = ToJson(summary.first);
  json["last_commit"] = ToJson(summary.last);
  json["transactions"] = summary.transactions;
  json["changes"] = summary.changes;
  json["bytes"] = summary.bytes;
  json["segments"] = catalog.segments.size();
  json["segment_bytes"] = summary.segment_bytes;
  json["tables"] = TablesToJson(summary);
  json["snapshots"] = SnapshotsToJson(catalog);
  json["gaps"] = GapsToJson(summary);
  json["inexact"] = DoubtsToJson(summary);
  json["restore_points"] = RestorePointsToJson(summary);
  json["foreign"] = catalog.foreign;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ArchiveSummary> Summarize(const Store& store) {
  Progress progress("Reading");
  return SummarizeArchive(
      store, [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
}

Result<void> RunInfo(const InfoOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const ArchiveSummary summary, Summarize(*store));
  const std::string text =
      options.json ? ToJsonText(summary, store->url()) : ToText(summary, store->url());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

}  // namespace

void AddInfoCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command =
      app->add_subcommand("info", "Show what an archive holds: span, size, tables, snapshots");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("");
  command->callback([=] { context->run = [=] { return RunInfo(*options); }; });
}

}  // namespace trunkline
