// trunkline verify: proves that nothing in an archive was altered, removed or reordered.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "archive/verify.h"
#include "replay/command.h"
#include "replay/progress.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

struct VerifyOptions {
  std::string archive;
  bool json = false;
  bool originals = false;
};

std::string Hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

std::string Lines(const char* label, const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text +=
        std::string(label) + Printable(finding.object) + ": " + Printable(finding.problem) + "\n";
  }
  return text;
}

std::string Figures(const VerifyReport& report) {
  const std::string merged = report.merged == 0
                                 ? ""
                                 : " (" + FormatCount(report.merged) + " of them merged from " +
                                       FormatCount(report.replaced) + ")";
  return FormatCount(report.segments, "segment") + merged + " with " +
         FormatCount(report.changes, "change") + " in " +
         FormatCount(report.transactions, "transaction") + ", " +
         FormatCount(report.snapshots, "snapshot") +
         (report.table_snapshots == 0
              ? ""
              : " and " + FormatCount(report.table_snapshots, "table snapshot")) +
         " with " + FormatCount(report.snapshot_rows, "row") + ", " + FormatBytes(report.bytes) +
         " read";
}

// What an archive without findings is proved to be.
std::string Proof(const VerifyReport& report) {
  if (report.segments == 0) return "ok: the archive holds no changes yet";
  return "ok: " + report.begin.ToString() + " to " + report.end.ToString() + " tiled by " +
         FormatCount(report.segments, "segment") + " in one unbroken chain" +
         (report.reproduced == 0
              ? ""
              : ", " + FormatCount(report.reproduced) + " of the segments merged reproduced") +
         "; digest of the last: " + Hex(report.last_digest);
}

std::string ToText(const VerifyReport& report) {
  std::string text = Lines("damage  ", report.findings) + Lines("gap     ", report.gaps) +
                     Lines("note    ", report.notes) + Figures(report) + "\n";
  if (report.findings.empty()) text += Proof(report) + "\n";
  return text;
}

Json ToJson(const std::vector<Finding>& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"object", finding.object}, {"problem", finding.problem}});
  }
  return json;
}

std::string ToJsonText(const VerifyReport& report, const std::string& url) {
  Json json;
  json["archive"] = url;
  json["ok"] = report.findings.empty();
  json["begin"] = report.segments == 0 ? Json(nullptr) : Json(report.begin.ToString());
  json["end"] = report.segments == 0 ? Json(nullptr) : Json(report.end.ToString());
  json["segments"] = report.segments;
  json["merged"] = report.merged;
  json["replaced"] = report.replaced;
  json["reproduced"] = report.reproduced;
  json["retained_from"] = report.retained ? Json(report.retained->ToString()) : Json(nullptr);
  json["transactions"] = report.transactions;
  json["changes"] = report.changes;
  json["snapshots"] = report.snapshots;
  json["table_snapshots"] = report.table_snapshots;
  json["snapshot_rows"] = report.snapshot_rows;
  json["bytes"] = report.bytes;
  json["last_digest"] = Hex(report.last_digest);
  json["findings"] = ToJson(report.findings);
  json["gaps"] = ToJson(report.gaps);
  json["notes"] = ToJson(report.notes);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<VerifyReport> VerifyWithProgress(const Store& store, bool originals) {
  Progress progress("Verifying");
  const auto update = [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return Verify(store, update, originals);
}

// Again where segments are merged or removed meanwhile.
Result<VerifyReport> VerifyAsItIs(const Store& store, bool originals) {
  constexpr int kMostAgain = 2;
  Result<VerifyReport> report = VerifyWithProgress(store, originals);
  for (int again = 0; again < kMostAgain; ++again) {
    if (report ? !report->disturbed : report.error().kind != ErrorKind::kConflict) break;
    report = VerifyWithProgress(store, originals);
  }
  return report;
}

Result<void> RunVerify(const VerifyOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const VerifyReport report, VerifyAsItIs(*store, options.originals));
  const std::string text = options.json ? ToJsonText(report, store->url()) : ToText(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (report.findings.empty() && options.originals && report.reproduced < report.replaced) {
    return Fail(ErrorKind::kFailed,
                "of " + FormatCount(report.replaced, "segment") + " that were merged, " +
                    FormatCount(report.replaced - report.reproduced) +
                    " could not be proved to be what they were",
                "the notes name the merged segments: they were altered, or another release wrote "
                "what they are made of");
  }
  if (report.findings.empty()) return {};
  if (report.disturbed) {
    std::fprintf(stderr,
                 "trunkline: others kept merging or removing meanwhile, which may explain what was "
                 "found: run it again while they rest\n");
  }
  return Fail(ErrorKind::kCorrupt,
              "the archive at " + store->url() +
                  " is damaged: " + FormatCount(report.findings.size()) +
                  (report.findings.size() == 1 ? " finding" : " findings"),
              "restore the objects named from a copy of the archive");
}

}  // namespace

void AddVerifyCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app->add_subcommand(
      "verify", "Prove that nothing in an archive was altered, removed or reordered");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->add_flag(
      "--originals", options->originals,
      "Take merged segments apart again, to prove that they say what they were made of");
  command->footer(
      "Exits with 3 when it finds anything wrong, with 1 when --originals leaves something "
      "unproved.");
  command->callback([=] { context->run = [=] { return RunVerify(*options); }; });
}

}  // namespace trunkline
