// trunkline query: runs SQL on the state at a target, in a private Postgres that is gone
// afterwards.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "postgres/server.h"
#include "replay/command.h"
#include "replay/ddl_text.h"
#include "replay/output_file.h"
#include "replay/postgres_database.h"
#include "replay/postgres_rebuild.h"
#include "replay/progress.h"
#include "replay/query_output.h"
#include "replay/query_tables.h"
#include "replay/state.h"
#include "replay/what_if.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using postgres::Connection;

struct QueryOptions {
  std::string archive;
  std::string at;
  std::string as_of;
  std::string sql;
  std::string file;
  std::string output;
  std::string format = "table";
  MemoryOptions memory;
  WhatIfOptions what_if;
};

Result<std::string> ReadSql(const QueryOptions& options) {
  if (options.file.empty()) return options.sql;
  if (options.file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (fs::is_directory(options.file)) {
    return Fail(ErrorKind::kInvalidArgument, options.file + " is a folder, not a file of SQL");
  }
  errno = 0;
  std::ifstream file(options.file);
  std::string sql{std::istreambuf_iterator<char>(file), {}};
  if (file) return sql;
  return Fail(ErrnoError("cannot read " + options.file, errno));
}

Result<DatabaseState> FoldTables(const Store& store, const Catalog& catalog,
                                 const ResolvedTarget& target, const std::string& sql,
                                 const MemoryOptions& memory, WhatIf* what_if) {
  Progress progress("Reading");
  StateOptions options;
  options.memory = memory;
  what_if->Set(&options);
  options.wanted = [&](const QualifiedName& table, const Definition& definition) {
    return NeedsTable(sql, table, definition);
  };
  options.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return BuildState(store, catalog, target, options);
}

// The database bears the source's name, so that the SQL finds itself where it expects to be.
Result<std::string> MakeDatabase(const postgres::Server& server, const DatabaseState& state) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(server.conninfo("postgres"),
                                                           postgres::Mode::kNormal, "trunkline"));
  const DatabaseDefinition& source = state.definition.database;
  const bool taken =
      source.name.empty() || source.name == "postgres" || source.name.starts_with("template");
  const std::string name = taken ? "trunkline" : source.name;
  TRY(CreateDatabaseLike(&connection, name, source));
  return server.conninfo(name);
}

Result<void> Load(const std::string& conninfo, const DatabaseState& state) {
  Progress progress("Loading");
  RebuildOptions options;
  options.unlogged = true;
  options.analyze = true;
  options.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  ASSIGN_OR_RETURN(const RebuildReport report, RebuildInto(conninfo, state, options));
  for (const std::string& lacking : report.lacking) spdlog::warn("rebuilt without {}", lacking);
  return {};
}

// The settings a session has by default, and the instant.
Result<Connection> OpenSession(const std::string& conninfo, const DatabaseState& state) {
  ASSIGN_OR_RETURN(Connection connection,
                   Connection::Open(conninfo, postgres::Mode::kNormal, "trunkline query"));
  TRY(connection.Exec("SET search_path = \"$user\", public"));
  if (state.target.instant) {
    TRY(connection.Exec("SET trunkline.as_of = " +
                        postgres::QuoteLiteral(state.target.instant->ToString())));
  }
  return connection;
}

std::string TablesOf(const Definition& definition) {
  constexpr size_t kMost = 20;
  std::string names;
  for (size_t i = 0; i < definition.tables.size() && i < kMost; ++i) {
    names += (names.empty() ? "" : ", ") + Display(definition.tables[i].name);
  }
  return definition.tables.size() > kMost ? names + ", ..." : names;
}

// What is wrong with the user's SQL, and in which line.
Error SqlError(const PGresult* result, const std::string& sql, const Definition& definition) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  Error error = postgres::ResultError(result, "the SQL failed");
  error.kind = ErrorKind::kFailed;
  // Counted in characters, of which UTF-8 has fewer than bytes.
  size_t characters = std::strtoul(field(PG_DIAG_STATEMENT_POSITION).c_str(), nullptr, 10);
  size_t line = 1;
  for (size_t i = 0; i < sql.size() && characters > 1; ++i) {
    if ((static_cast<unsigned char>(sql[i]) & 0xc0) != 0x80) --characters;
    if (sql[i] == '\n') ++line;
  }
  if (sql.find('\n') != std::string::npos && !field(PG_DIAG_STATEMENT_POSITION).empty()) {
    error.message += ", in line " + std::to_string(line);
  }
  if (field(PG_DIAG_SQLSTATE) == "42P01" && error.hint.empty()) {
    error.hint = "the archive has at this target: " + TablesOf(definition) +
                 "; loaded are those whose names stand in the SQL";
  }
  return error;
}

Result<void> TakeCopy(PGconn* connection, OutputFile* output) {
  char* line = nullptr;
  for (int length = 0; (length = PQgetCopyData(connection, &line, 0)) >= 0;) {
    const std::unique_ptr<char, postgres::FreeMemory> owner(line);
    TRY(output->Write({line, static_cast<size_t>(length)}));
  }
  return {};
}

// Every statement's rows one after another. All of the SQL is one transaction, unless it says
// otherwise.
Result<void> RunSql(Connection* connection, const std::string& sql, const Definition& definition,
                    ResultPrinter* printer, OutputFile* output) {
  if (PQsendQuery(connection->get(), sql.c_str()) != 1 ||
      PQsetSingleRowMode(connection->get()) != 1) {
    return Fail(postgres::ConnectionError(connection->get(), "cannot send the SQL"));
  }
  std::optional<Error> failure;
  std::string text;
  while (PGresult* raw = PQgetResult(connection->get())) {
    const postgres::Rows result(raw);
    text.clear();
    switch (PQresultStatus(raw)) {
      case PGRES_SINGLE_TUPLE:
        printer->Add(raw, &text);
        break;
      case PGRES_TUPLES_OK:
        printer->Add(raw, &text);
        printer->End(&text);
        break;
      case PGRES_COPY_OUT:
        TRY(TakeCopy(connection->get(), output));
        break;
      case PGRES_COPY_IN:
        PQputCopyEnd(connection->get(), "there is no input for COPY FROM STDIN here");
        break;
      case PGRES_FATAL_ERROR:
        failure = SqlError(raw, sql, definition);
        break;
      default:
        break;
    }
    TRY(output->Write(text));
  }
  if (failure) return Fail(*failure);
  return {};
}

Result<void> RunQuery(const QueryOptions& options) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(options.at));
  std::optional<Timestamp> as_of;
  if (!options.as_of.empty()) {
    ASSIGN_OR_RETURN(as_of, Timestamp::Parse(options.as_of));
  }
  ASSIGN_OR_RETURN(const std::string sql, ReadSql(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  if (as_of) resolved.instant = as_of;
  ASSIGN_OR_RETURN(const std::unique_ptr<WhatIf> what_if,
                   WhatIf::Make(options.what_if, *store, catalog, resolved));
  // The server starts while the archive is read.
  std::future<Result<std::unique_ptr<postgres::Server>>> starting =
      std::async(std::launch::async, [] { return postgres::Server::Start({}); });
  ASSIGN_OR_RETURN(const DatabaseState state,
                   FoldTables(*store, catalog, resolved, sql, options.memory, what_if.get()));
  ASSIGN_OR_RETURN(const std::string report, what_if->Finish());
  std::fputs(report.c_str(), stderr);
  ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Server> server, starting.get());
  for (const std::string& warning : state.warnings) spdlog::warn("{}", warning);
  ASSIGN_OR_RETURN(const std::string conninfo, MakeDatabase(*server, state));
  TRY(Load(conninfo, state));
  ASSIGN_OR_RETURN(Connection session, OpenSession(conninfo, state));
  const auto printer = options.format == "csv" ? NewCsvPrinter() : NewTablePrinter();
  ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open(options.output));
  TRY(RunSql(&session, sql, state.definition, printer.get(), &output));
  return output.Finish();
}

}  // namespace

void AddQueryCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<QueryOptions>();
  CLI::App* command =
      app->add_subcommand("query", "Run SQL on the tables as they were at a target");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--at", options->at, "The target")->required();
  CLI::Option_group* source = command->add_option_group("SQL");
  source->add_option("-c,--command", options->sql, "The SQL; several statements with ; between");
  source->add_option("-f,--file", options->file, "A file that holds the SQL; - for standard input");
  source->require_option(1);
  command->add_option("-o,--output", options->output, "Write the result to this file");
  command->add_option("--format", options->format, "csv or table (the default)")
      ->check(CLI::IsMember({"csv", "table"}));
  AddWhatIfOptions(command, &options->what_if);
  command->add_option("--as-of", options->as_of,
                      "What the SQL sees as trunkline.as_of (default: the target's commit time)");
  AddMemoryOptions(command, &options->memory);
  command->callback([=] { context->run = [=] { return RunQuery(*options); }; });
}

}  // namespace trunkline
