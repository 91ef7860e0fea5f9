// How long a rebuild takes: to CSV against COPY TO from the live table, into a Postgres and to a
// PGDATA against pg_restore -j2 of a dump of the same state.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/support/csv.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words

constexpr milliseconds kDeadline = seconds(1800);

constexpr int64_t kCustomers = 1000;
constexpr char kSchema[] = R"(
  CREATE TABLE public.customers (id integer PRIMARY KEY, name text NOT NULL);
  INSERT INTO public.customers SELECT g, 'customer ' || g FROM generate_series(1, 1000) g;
  CREATE TABLE public.orders (
    id bigint PRIMARY KEY, customer_id integer NOT NULL REFERENCES public.customers,
    units integer NOT NULL, created_at timestamptz NOT NULL, shipped_at timestamptz);
  CREATE INDEX orders_customer ON public.orders (customer_id);
  CREATE PUBLICATION trunkline FOR TABLE public.customers, public.orders)";

Outcome MustSucceed(Outcome outcome) {
  if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
  return outcome;
}

// Of 16 orders: 16 inserts, 3 shipped, 1 cancelled: 20 changes for 15 rows.
std::string Load(int64_t orders) {
  return "DO $$ BEGIN FOR base IN 0.." + std::to_string(orders / 1000 - 1) +
         " LOOP INSERT INTO public.orders SELECT base * 1000 + g, 1 + (random() * 999)::integer, "
         "1 + random() * 40, '2016-11-30'::timestamptz + (base * 1000 + g) * '7 s'::interval "
         "FROM generate_series(1, 1000) g; "
         "UPDATE public.orders SET shipped_at = created_at + random() * '2 days'::interval "
         "WHERE id BETWEEN base * 1000 + 1 AND base * 1000 + 1000 AND id % 16 IN (1, 5, 9); "
         "DELETE FROM public.orders "
         "WHERE id BETWEEN base * 1000 + 1 AND base * 1000 + 1000 AND id % 16 = 3; "
         "COMMIT; END LOOP; END $$";
}

class RebuildBench {
 public:
  RebuildBench() {
    Session session = source_.Connect();
    session.Do(kSchema);
    Daemon daemon({.source = source_.conninfo(), .archive = archive()});
    MustSucceed(daemon.RunTo("now"));
    session.Do("SET synchronous_commit = off");
    session.Do(Load(std::max<int64_t>(1000, Scaled(3'200'000))));
    session.Do("VACUUM ANALYZE public.orders");
    MustSucceed(daemon.RunTo("now", kDeadline));
    MustSucceed(RunProgram({source_.tool("pg_dump"), "-Fc", "-f", folder_ / "dump",
                            "--no-publications", source_.conninfo()},
                           kDeadline));
    rows_ = session.One("SELECT count(*) FROM public.orders");
  }

  void CompareCsv() {
    CompareSeconds(
        rows_ + " rows to CSV", "COPY TO", [&](int) { return ReplayCsv(); },
        [&](int) { return CopyTo(); });
    const std::string difference = CsvDifference(ReadFile(folder_ / "copied.csv"),
                                                 ReadFile(folder_ / "csv/public.orders.csv"));
    if (!difference.empty()) throw std::runtime_error("the rebuilt CSV differs:\n" + difference);
  }

  void ComparePostgres() {
    CompareSeconds(
        rows_ + " rows into Postgres", "pg_restore -j2", [&](int i) { return ReplayPostgres(i); },
        [&](int) { return Restore(); });
  }

  void ComparePgdata() {
    CompareSeconds(
        rows_ + " rows to a PGDATA", "pg_restore -j2", [&](int i) { return ReplayPgdata(i); },
        [&](int) { return Restore(); });
  }

 private:
  std::string archive() const { return folder_ / "archive"; }

  // Every side finds the disk idle, and not busy with what another one has just left to the kernel.
  // To CSV both write where they wrote before, pages that the kernel has at hand. Ours waits until
  // its files are on the disk, psql does not. What was made stays until the end: ext4 takes long to
  // find an inode beside those of files deleted in the last minutes, and a database has hundreds.
  double ReplayCsv() {
    const std::string csv = folder_ / "csv";
    std::filesystem::remove_all(csv);
    ::sync();
    return MustSucceed(
               Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + csv}, kDeadline))
        .elapsed_seconds;
  }
  double CopyTo() {
    ::sync();
    return MustSucceed(
               RunProgram(
                   {source_.tool("psql"), "-qX", "-c",
                    "COPY public.orders TO STDOUT (FORMAT csv, HEADER)", "-d", source_.conninfo()},
                   kDeadline,
                   {.environment = {{"PGTZ", "UTC"}}, .output_file = folder_ / "copied.csv"}))
        .elapsed_seconds;
  }
  double ReplayPostgres(int i) {
    const std::string name = "rebuilt" + std::to_string(i);
    ::sync();
    const Outcome outcome = MustSucceed(Trunkline(
        {"replay", archive(), "--at", "latest", "--to", target_.uri(), "--create-database", name},
        kDeadline));
    ExpectRows(name);
    return outcome.elapsed_seconds;
  }
  double ReplayPgdata(int i) {
    const std::string data = folder_ / "pgdata" + std::to_string(i);
    ::sync();
    const Outcome outcome = MustSucceed(
        Trunkline({"replay", archive(), "--at", "latest", "--to", "pgdata:" + data}, kDeadline));
    const std::string all = std::to_string(std::stoll(rows_) + kCustomers) + " rows";
    if (outcome.err.find(all) == std::string::npos) {
      throw std::runtime_error(data + " has another number of rows");
    }
    return outcome.elapsed_seconds;
  }
  double Restore() {
    const std::string name = "restored" + std::to_string(++restored_);
    ::sync();
    const Outcome outcome = MustSucceed(RunProgram(
        {"sh", "-c",
         "\"$0\" -d \"$1\" -qXc 'CREATE DATABASE " + name + "' && \"$2\" -j2 -d \"$3\" \"$4\"",
         source_.tool("psql"), target_.conninfo(), source_.tool("pg_restore"),
         target_.conninfo(name), folder_ / "dump"},
        kDeadline));
    ExpectRows(name);
    return outcome.elapsed_seconds;
  }
  void ExpectRows(const std::string& name) {
    if (target_.Connect(name).One("SELECT count(*) FROM public.orders") != rows_) {
      throw std::runtime_error(name + " has another number of rows");
    }
    target_.Connect().Do("CHECKPOINT");
  }

  Source source_;
  // Both sides load into the same server, set for data that can be made again.
  Source target_{{.settings = {"wal_level = minimal", "max_wal_senders = 0", "max_wal_size = 16GB",
                               "synchronous_commit = off", "maintenance_work_mem = 256MB"}}};
  TempFolder folder_;
  std::string rows_;
  int restored_ = 0;
};

}  // namespace

void RebuildBenchmarks() {
  PrintHeading("rebuild");
  RebuildBench bench;
  bench.CompareCsv();
  bench.ComparePostgres();
  bench.ComparePgdata();
}

}  // namespace trunkline::bench
