#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <utility>

#include "archive/store_address.h"
#include "cli/program.h"

namespace trunkline {
namespace {

constexpr ValueType kValueTypes[] = {
    {"ARCHIVE", kArchiveForms,
     "A folder, a branch of a repo in Pachyderm's file system, or a bucket of S3's protocol.", ""},
    {"NAME", "", "", ""},
    {"DURATION", "", "A number with ms, s, min or h behind it, or else of seconds.",
     "--audit-every --snapshot-every"},
    {"SIZE", "", "A number with B, kB, MB, GB, KiB, MiB or GiB behind it, or else of bytes.", ""},
};

// What trunkline takes at the least.
constexpr uint64_t kLeastAuditMemory = 16 << 20;

Result<uint64_t> ParseAuditMemory(std::string_view text) {
  ASSIGN_OR_RETURN(const uint64_t bytes, ParseByteCount(text));
  if (bytes >= kLeastAuditMemory) return bytes;
  return Fail(ErrorKind::kInvalidArgument, "an audit needs at least 16MiB");
}

// An option whose value `parse` turns into `*target`.
template <typename T, typename Parse>
CLI::Option* AddParsed(CLI::App* app, std::string name, T* target, Parse parse,
                       std::string description) {
  return app->add_option_function<std::string>(
      name,
      [name, target, parse](const std::string& text) {
        auto value = parse(text);
        if (!value) throw CLI::ValidationError(name, value.error().ToString());
        *target = std::move(*value);
      },
      std::move(description));
}

void Declare(CLI::App* app, Options* options) {
  app->set_config("--config", "", "Read options from a TOML file")->type_name("FILE");
  app->add_option("--source", options->source,
                  "Source database: a libpq connection string or URI (prefer TRUNKLINE_SOURCE "
                  "where it holds a password)")
      ->envname("TRUNKLINE_SOURCE")
      ->type_name("CONNINFO")
      ->required();
  app->add_option("--archive", options->archive,
                  "Archive: /path, pfs://host/repo@branch or s3://bucket/prefix")
      ->required()
      ->type_name("ARCHIVE");
  app->add_option("--publication", options->publication, "Publication to subscribe to")
      ->capture_default_str()
      ->type_name("NAME");
  app->add_option("--slot", options->slot, "Replication slot")
      ->capture_default_str()
      ->type_name("NAME");
  AddParsed(app, "--tables", &options->tables, ParseTableNames,
            "Tables that must be published: schema.table,...")
      ->type_name("TABLES");
  app->add_flag("--create-publication", options->create_publication,
                "Create the publication if it is missing: of --tables, else of all tables");
  AddParsed(app, "--segment-max-bytes", &options->segment_max_bytes, ParseByteCount,
            "End a segment at this size [64MiB]")
      ->type_name("SIZE");
  AddParsed(app, "--segment-max-age", &options->segment_max_age, ParseDuration,
            "End a segment at this age [10s]")
      ->type_name("DURATION");
  app->add_option("--snapshot-connections", options->snapshot_connections,
                  "Connections that copy tables for a snapshot at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddParsed(app, "--snapshot-range-bytes", &options->snapshot_range_bytes, ParseByteCount,
            "Copy a larger table in ranges of this size, on several connections [1GiB]")
      ->type_name("SIZE");
  AddParsed(
      app, "--snapshot-every", &options->snapshot_every, ParseSnapshotEvery,
      "Take a new base snapshot when changes since the newest one are this old (24h), or this "
      "large in the archive (10GiB) [off]")
      ->type_name("DURATION|SIZE");
  AddParsed(app, "--endpos", &options->end_position, ParseEndPosition,
            "Exit once everything up to here is archived: an LSN, or `now`")
      ->type_name("now|LSN");
  app->add_option("--on-gap", options->on_gap,
                  "Where the source lost changes: `continue` with a gap on record and a new base "
                  "snapshot, or `stop` [continue]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, OnGap>{{"continue", OnGap::kContinue}, {"stop", OnGap::kStop}}))
      ->transform(CLI::IsMember({"continue", "stop"}))  // goes first, and says what fits
      ->type_name("continue|stop");
  app->add_option("--spool", options->spool,
                  "Folder for scratch files, and for what is confirmed with --confirm spooled")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app->add_option("--confirm", options->confirm,
                  "What is confirmed to the source: `archived`, what the archive holds durably, or "
                  "`spooled`, what the folder of --spool does [archived]")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Confirm>{
          {"archived", Confirm::kArchived}, {"spooled", Confirm::kSpooled}}))
      ->transform(CLI::IsMember({"archived", "spooled"}))
      ->type_name("archived|spooled");
  AddParsed(app, "--spool-max-bytes", &options->spool_max_bytes, ParseByteCount,
            "With --confirm spooled: what the archive may lack before nothing more is taken "
            "[16GiB]")
      ->type_name("SIZE");
  AddParsed(app, "--audit-every", &options->audit_every, ParseDuration,
            "Compare source and archive at such intervals, by the digests of their tables [off]")
      ->type_name("DURATION");
  AddParsed(app, "--audit-memory", &options->audit_memory_bytes, ParseAuditMemory,
            "Memory for the rows of an audit; what exceeds it goes to disk, in the folder of "
            "--spool [256MiB]")
      ->type_name("SIZE");
  AddParsed(app, "--http", &options->http, ParseHttpAddress,
            "Serve /healthz, /readyz and /metrics here: ADDRESS:PORT, or a port of the loopback")
      ->type_name("ADDRESS");
  app->add_flag("--check", options->check,
                "Test every prerequisite on the source, say how to mend what fails, and exit");
  app->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->capture_default_str();
  app->callback([app, options] {
    const bool kept = app->count("--spool") > 0 && options->spool != "/tmp";
    if (options->confirm != Confirm::kSpooled || kept) return;
    throw CLI::ValidationError(
        "--confirm spooled needs --spool DIR, a folder that outlives a restart of the machine");
  });
  app->footer(
      "Exit codes: 0 done, 1 failed, 2 usage, 3 the archive is damaged or has a gap in the range\n"
      "asked for, 4 the source is not the archive's.");
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  Options options;
  CLI::App app("Archives the changes of a Postgres database.", "trunklined");
  Declare(&app, &options);
  AddSelfDescription(&app, {TRUNKLINE_VERSION, "8", kValueTypes});
  if (const std::optional<int> exit_code = ParseArguments(&app, argc, argv)) return *exit_code;
  return options;
}

}  // namespace trunkline
