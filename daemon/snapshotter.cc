#include "daemon/snapshotter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "daemon/kept_copies.h"
#include "daemon/parallel_copy.h"
#include "daemon/publication.h"
#include "daemon/snapshot_readers.h"
#include "daemon/table_copier.h"
#include "daemon/table_files.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Rows;

// A table that changed after the snapshot's LSN makes the attempt void; the next one will do.
Error TablesChanged(std::string_view what) {
  return Error{ErrorKind::kConflict, "the snapshot must be taken again: " + std::string(what), {}};
}

Error AsPassing(Error error) {
  return error.kind == ErrorKind::kNotFound ? TablesChanged(error.message) : error;
}

template <typename T>
Result<T> AsPassing(Result<T> result) {
  if (result) return result;
  return Fail(AsPassing(std::move(result).error()));
}

Result<void> LockTables(Connection* connection, const std::vector<TableName>& tables) {
  if (tables.empty()) return {};
  std::string command = "LOCK TABLE ";
  for (size_t i = 0; i < tables.size(); ++i) {
    command += (i == 0 ? "" : ", ") + QualifiedIdentifier(tables[i]);
  }
  TRY(connection->Exec(command + " IN ACCESS SHARE MODE"));
  return {};
}

Result<std::vector<TableName>> AllTables(Connection* connection, const std::string& publication) {
  ASSIGN_OR_RETURN(const std::vector<PublishedTable> published,
                   PublishedTables(connection, publication));
  std::vector<TableName> tables;
  for (const PublishedTable& table : published) tables.push_back(table.name);
  return tables;
}

Lsn NewestBase(const Catalog& catalog) {
  const SnapshotEntry* newest = catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  return newest == nullptr ? Lsn() : newest->lsn;
}

Result<std::vector<TableName>> TablesOf(Connection* connection,
                                        const std::unordered_set<uint32_t>& oids) {
  const std::string parameters[] = {OidArray(oids)};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
                                    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                    " WHERE c.oid = ANY ($1::oid[])",
                                    parameters));
  std::vector<TableName> tables;
  for (int row = 0; row < rows.size(); ++row) {
    tables.push_back({std::string(rows.at(row, 0)), std::string(rows.at(row, 1))});
  }
  return tables;
}

std::unordered_set<uint32_t> Published(const DescribedTables& described) {
  std::unordered_set<uint32_t> oids;
  for (const DescribedTable& table : described.tables) {
    if (table.published) oids.insert(table.relation.oid);
  }
  return oids;
}

// What is left of a table to copy: the pages that are not kept, and of those that are the rows
// written since.
std::vector<PageRange> RangesBeside(const std::vector<CopiedPages>& kept, uint64_t pages,
                                    uint64_t range_pages) {
  std::vector<PageRange> ranges;
  uint64_t next = 0;
  bool to_the_end = true;
  for (const CopiedPages& range : kept) {
    for (; next < range.begin; next = ranges.back().end) {
      ranges.push_back({next, std::min(next + range_pages, range.begin)});
    }
    next = range.end;
    to_the_end = range.end != 0;
  }
  if (to_the_end) {
    const std::vector<PageRange> rest = SplitPages(pages, range_pages, next);
    ranges.insert(ranges.end(), rest.begin(), rest.end());
  }
  for (const CopiedPages& range : kept) {
    ranges.push_back({range.begin, range.end, static_cast<uint32_t>(range.snapshot_xmin)});
  }
  return ranges;
}

// How to copy the tables of `described` that `files` has and that are not kept whole, largest
// first. A table that was truncated or rewritten after the snapshot's LSN would read as empty. Only
// a heap has pages to go by.
Result<std::vector<ParallelCopy::Table>> TablesToCopy(const DescribedTables& described,
                                                      const TableFiles& files, uint64_t range_bytes,
                                                      KeptCopies* kept) {
  const uint64_t range_pages = std::max<uint64_t>(range_bytes / files.page_bytes, 1);
  std::vector<ParallelCopy::Table> tables;
  for (const TableFile& file : files.tables) {
    const auto table = std::find_if(
        described.tables.begin(), described.tables.end(), [&](const DescribedTable& candidate) {
          return candidate.published && candidate.relation.oid == file.oid;
        });
    if (table == described.tables.end() || kept->oids.contains(file.oid)) continue;
    if (!file.unchanged) {
      return Fail(TablesChanged("the table " + table->relation.schema + "." + table->relation.name +
                                " was truncated or rewritten meanwhile"));
    }
    ParallelCopy::Table copy;
    copy.described = &*table;
    if (const auto pages = kept->pages.find(file.oid); pages != kept->pages.end()) {
      copy.ranges = RangesBeside(pages->second.ranges, file.pages, range_pages);
      copy.kept = std::move(pages->second.parts);
    } else {
      copy.ranges = SplitPages(file.pages, range_pages);
    }
    if (copy.ranges.size() > 1 && IsFoundByKey(table->relation)) {
      copy.keep_as = CopiedPages{.file_node = file.file_node, .snapshot_xmin = files.xmin};
    }
    tables.push_back(std::move(copy));
  }
  return tables;
}

}  // namespace

Result<DescribedTables> TakeBaseSnapshot(const SnapshotOptions& options, const Source& source,
                                         Store* store, Appender* appender) {
  TRY(appender->RemoveIncompleteSnapshots());
  spdlog::info("base snapshot: waiting for the transactions under way at the source");
  ASSIGN_OR_RETURN(SnapshotReaders readers,
                   SnapshotReaders::Open(options.conninfo, options.slot, "base", source,
                                         options.connections, std::stop_token()));
  spdlog::info("base snapshot at {}", readers.lsn().ToString());
  ASSIGN_OR_RETURN(const std::vector<TableName> names,
                   AllTables(&readers.first(), options.publication));
  TRY(AsPassing(LockTables(&readers.first(), names)));
  ASSIGN_OR_RETURN(DescribedTables described,
                   QueryDefinition(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const std::string publication_state,
                   PublicationState(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const TableFiles files, QueryTableFiles(&readers.first(), Published(described)));
  ASSIGN_OR_RETURN(KeptCopies kept, KeepCopies(store, *appender,
                                               {.source = source,
                                                .newest_base = appender->newest_snapshot(),
                                                .unbroken_from = appender->unbroken_from(),
                                                .described = described,
                                                .publication_state = publication_state,
                                                .files = files}));
  ASSIGN_OR_RETURN(const std::vector<ParallelCopy::Table> tables,
                   TablesToCopy(described, files, options.range_bytes, &kept));
  TRY(appender->PutSnapshotDefinition(readers.lsn(), described.document, publication_state,
                                      source.timeline, source.server_version));
  ParallelCopy copy(options, source, appender, "base snapshot", tables);
  ASSIGN_OR_RETURN(std::vector<SnapshotPart> parts, AsPassing(copy.Run(&readers)));
  std::move(kept.parts.begin(), kept.parts.end(), std::back_inserter(parts));
  TRY(appender->CompleteSnapshot(readers.lsn(), std::move(parts), described.document,
                                 source.timeline, source.server_version));
  return described;
}

Result<TablesAt> TakeTableSnapshot(const SnapshotOptions& options, const Source& source,
                                   const std::unordered_set<uint32_t>& oids, Store* store,
                                   const Appender& appender, const std::stop_token& stop) {
  TRY(appender.RemoveIncompleteSnapshots());
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(SnapshotReaders readers,
                   SnapshotReaders::Open(options.conninfo, options.slot, "table", source,
                                         options.connections, stop));
  ASSIGN_OR_RETURN(const std::vector<TableName> names, TablesOf(&readers.first(), oids));
  TRY(AsPassing(LockTables(&readers.first(), names)));
  ASSIGN_OR_RETURN(DescribedTables described,
                   QueryDefinition(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const std::string publication_state,
                   PublicationState(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const TableFiles files, QueryTableFiles(&readers.first(), oids));
  ASSIGN_OR_RETURN(KeptCopies kept, KeepPages(store, appender,
                                              {.source = source,
                                               .newest_base = NewestBase(catalog),
                                               .unbroken_from = catalog.unbroken_from(),
                                               .described = described,
                                               .publication_state = publication_state,
                                               .files = files},
                                              oids));
  ASSIGN_OR_RETURN(const std::vector<ParallelCopy::Table> tables,
                   TablesToCopy(described, files, options.range_bytes, &kept));
  TablesAt snapshot;
  snapshot.lsn = readers.lsn();
  if (tables.empty()) return snapshot;
  TRY(appender.PutSnapshotDefinition(snapshot.lsn, described.document, publication_state,
                                     source.timeline, source.server_version));
  ParallelCopy copy(options, source, &appender, "table snapshot at " + snapshot.lsn.ToString(),
                    tables);
  ASSIGN_OR_RETURN(snapshot.parts, AsPassing(copy.Run(&readers)));
  snapshot.definition = std::move(described.document);
  return snapshot;
}

}  // namespace trunkline
