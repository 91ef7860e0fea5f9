// Options: what trunklined's command line, environment and configuration file say.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// Where to stop, as --endpos says.
struct EndNow {};  // what the source has written when the daemon starts
using EndPosition = std::variant<std::monostate, EndNow, Lsn>;

// A table as the user names it; the schema may be left out where only one has such a table.
struct TableName {
  std::string schema;
  std::string name;

  friend bool operator==(const TableName&, const TableName&) = default;
};

// What to do where the source has lost changes that the archive lacks.
enum class OnGap { kContinue, kStop };

// Where to serve HTTP.
struct HttpAddress {
  std::string host;   // a numeric IPv4 or IPv6 address
  uint16_t port = 0;  // 0: any free one

  friend bool operator==(const HttpAddress&, const HttpAddress&) = default;
};

// When to take a new base snapshot while capture goes on: once a change since the newest one is
// this old, or changes of so many archived bytes have come since. Never where neither is there.
struct SnapshotEvery {
  std::optional<std::chrono::milliseconds> age;
  std::optional<uint64_t> bytes;

  friend bool operator==(const SnapshotEvery&, const SnapshotEvery&) = default;
};

// What is confirmed to the source: what the archive holds durably, or what the spool does.
enum class Confirm { kArchived, kSpooled };

struct Options {
  std::string source;  // conninfo; may hold a password, so it is never logged
  std::string archive;
  std::string publication = "trunkline";
  std::string slot = "trunkline";
  std::vector<TableName> tables;    // that must be published; empty: whatever is
  bool create_publication = false;  // when it does not exist yet

  // A segment ends with the first transaction that reaches one of the two. Larger and longer means
  // fewer objects and better compression, and more WAL kept at the source meanwhile.
  uint64_t segment_max_bytes = 64 << 20;
  std::chrono::milliseconds segment_max_age{10'000};

  // Connections that copy tables at once, and from which size on they share one.
  int snapshot_connections = 2;
  uint64_t snapshot_range_bytes = uint64_t{1} << 30;
  SnapshotEvery snapshot_every;

  OnGap on_gap = OnGap::kContinue;
  EndPosition end_position;
  Confirm confirm = Confirm::kArchived;
  // A folder for scratch files, gone with the process; with Confirm::kSpooled also for what the
  // archive lacks, up to the bound.
  std::string spool = "/tmp";
  uint64_t spool_max_bytes = uint64_t{16} << 30;
  std::chrono::milliseconds audit_every{0};  // compare source and archive so often; 0: never
  // For the rows of the archive's side of an audit, at least 16 MiB; beyond it they are kept on
  // disk, in `spool`, which takes longer.
  uint64_t audit_memory_bytes = 256 << 20;
  std::optional<HttpAddress> http;  // health, readiness and metrics; nothing: not served
  bool check = false;
  std::string log_level = "info";
};

// What to run with, or the exit code of a command line that says it all (--help, --version, usage
// errors, whose message is printed).
using CommandLine = std::variant<Options, int>;
CommandLine ParseCommandLine(int argc, const char* const* argv);

// "10s", "500ms", "2min", "1h", "1d"; a bare number is seconds.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
// "64MiB", "512KiB", "1GiB", "1000000"; a bare number is bytes.
Result<uint64_t> ParseByteCount(std::string_view text);
// "24h" or "10GiB": a duration or a size; the unit is needed to tell.
Result<SnapshotEvery> ParseSnapshotEvery(std::string_view text);
// Names with a comma between, quoted as in SQL where they hold a dot, a comma or a quote; unlike in
// SQL, upper case is kept: orders,public.customers,"Odd schema"."a.b".
Result<std::vector<TableName>> ParseTableNames(std::string_view text);
Result<EndPosition> ParseEndPosition(std::string_view text);
// "0.0.0.0:9187", "[::1]:9187", "localhost:9187"; "9187" and ":9187" are of the loopback.
Result<HttpAddress> ParseHttpAddress(std::string_view text);

}  // namespace trunkline
