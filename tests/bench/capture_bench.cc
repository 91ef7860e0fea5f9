// How long the daemon takes to archive a backlog of WAL, against pg_recvlogical writing the same
// messages to a file; and how many bytes a change takes, against zstd -19 of the raw stream.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "archive/catalog.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words

constexpr milliseconds kDeadline = seconds(1800);

constexpr char kSchema[] = R"(
  CREATE TYPE public.species AS ENUM ('elephant', 'rhino', 'hippo');
  CREATE TABLE public.orders (
    id bigint PRIMARY KEY, customer_id integer NOT NULL, units integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), shipped_at timestamptz);
  CREATE PUBLICATION trunkline FOR TABLE public.orders)";

Outcome MustSucceed(Outcome outcome) {
  if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
  return outcome;
}

// A source with a slot and an archive for each repetition, all made before the load.
class CaptureBench {
 public:
  explicit CaptureBench(const std::string& schema) {
    source_.Connect().Do(schema);
    for (int i = 0; i < Repetitions(); ++i) {
      MustSucceed(MakeDaemon(i).RunTo("now"));
      MakeSlot(Slot("twin", i));
    }
    MakeSlot("raw");
  }

  Session Connect() { return source_.Connect(); }
  void EndOfLoad() { end_ = source_.Connect().CurrentLsn().ToString(); }

  double RunDaemon(int i) {
    return MustSucceed(MakeDaemon(i).RunTo(end_, kDeadline)).elapsed_seconds;
  }
  double RunReceiver(int i) {
    return Receive(Slot("twin", i), "false", folder_ / Slot("stream", i));
  }
  // The stream as pgoutput sends it with binary values; its file.
  std::string ReceiveBinary() {
    Receive("raw", "true", folder_ / "raw");
    return folder_ / "raw";
  }
  std::string archive(int i) const { return folder_ / Slot("archive", i); }

 private:
  static std::string Slot(const std::string& name, int i) { return name + std::to_string(i); }

  void MakeSlot(const std::string& slot) {
    source_.Connect().Do("SELECT pg_catalog.pg_create_logical_replication_slot('" + slot +
                         "', 'pgoutput')");
  }
  Daemon MakeDaemon(int i) {
    return Daemon({.source = source_.conninfo(),
                   .archive = archive(i),
                   .arguments = {"--slot", Slot("daemon", i)}});
  }
  double Receive(const std::string& slot, const std::string& binary, const std::string& file) {
    std::vector<std::string> command = {source_.tool("pg_recvlogical"),
                                        "--start",
                                        "--no-loop",
                                        "--slot",
                                        slot,
                                        "--dbname",
                                        source_.conninfo(),
                                        "--endpos",
                                        end_,
                                        "--file",
                                        file};
    for (const std::string& option :
         {std::string("proto_version=2"), std::string("publication_names=trunkline"),
          std::string("streaming=true"), std::string("messages=true"), "binary=" + binary}) {
      command.insert(command.end(), {"--option", option});
    }
    return MustSucceed(RunProgram(std::move(command), kDeadline)).elapsed_seconds;
  }

  Source source_;
  TempFolder folder_;
  std::string end_;
};

void CompareCapture(CaptureBench* bench, const std::string& name) {
  CompareSeconds(
      name, "pg_recvlogical", [&](int i) { return bench->RunDaemon(i); },
      [&](int i) { return bench->RunReceiver(i); });
}

struct ArchiveSize {
  uint64_t bytes = 0;
  uint64_t changes = 0;
};

ArchiveSize SizeOf(const std::string& archive) {
  ArchiveSize size;
  const std::unique_ptr<Store> store = Must(OpenStore(archive));
  for (const SegmentEntry& segment : Must(LoadCatalog(*store)).segments) {
    size.bytes += segment.size;
    size.changes += Must(OpenSegment(*store, segment.name))->changes();
  }
  return size;
}

void CompareSize(CaptureBench* bench, const std::string& name) {
  const std::string raw = bench->ReceiveBinary();
  MustSucceed(RunProgram({"zstd", "-q", "-f", "-19", raw, "-o", raw + ".zst"}, kDeadline));
  const ArchiveSize size = SizeOf(bench->archive(0));
  const auto a_change = [&](uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(size.changes);
  };
  const double raw_bytes = a_change(std::filesystem::file_size(raw));
  const double zstd_bytes = a_change(std::filesystem::file_size(raw + ".zst"));
  const double our_bytes = a_change(size.bytes);
  std::printf(
      "%s, bytes a change (%lu changes): trunkline %.2f, zstd -19 %.2f, raw %.1f, ratio %.2f\n",
      name.c_str(), size.changes, our_bytes, zstd_bytes, raw_bytes, our_bytes / zstd_bytes);
  std::fflush(stdout);
}

void SmallTransactions() {
  CaptureBench bench(kSchema);
  const int64_t transactions = Scaled(200'000);
  Session session = bench.Connect();
  session.Do("SET synchronous_commit = off");
  session.Do("DO $$ DECLARE shipped bigint; BEGIN FOR i IN 1.." + std::to_string(transactions) +
             " LOOP INSERT INTO public.orders VALUES (i, 1 + random() * 11, 1 + random() * 40, "
             "clock_timestamp()); shipped := greatest(1, i - 1 - (random() * 20)::integer); "
             "UPDATE public.orders SET shipped_at = clock_timestamp() WHERE id = shipped; "
             "COMMIT; END LOOP; END $$");
  bench.EndOfLoad();
  CompareCapture(&bench, std::to_string(transactions) + " transactions of two changes");
  CompareSize(&bench, "orders as they come in");
}

void OneLargeTransaction() {
  CaptureBench bench(kSchema);
  const int64_t rows = Scaled(1'000'000);
  bench.Connect().Do(
      "INSERT INTO public.orders SELECT g, 1 + random() * 11, 1 + random() * 40, "
      "'2016-11-30'::timestamptz + g * '7 s'::interval FROM generate_series(1, " +
      std::to_string(rows) + ") g");
  bench.EndOfLoad();
  CompareCapture(&bench, "one transaction of " + std::to_string(rows) + " rows");
}

void DemoTrade() {
  std::string sql = "SET search_path = public; ";
  for (const char* file : {"schema", "customers", "generate"}) {
    sql += ReadFile(SourceFile("sql/" + std::string(file) + ".sql"));
  }
  CaptureBench bench(sql +
                     "CREATE PUBLICATION trunkline FOR TABLE public.customers, public.orders");
  Session session = bench.Connect();
  session.Do("SET synchronous_commit = off; SET search_path = public");
  const int64_t days = Scaled(2'000);
  session.Do("CALL peanuts.simulate(days => " + std::to_string(days) +
             ", seed => 1, start => '2010-01-01')");
  bench.EndOfLoad();
  bench.RunDaemon(0);
  CompareSize(&bench, "the demo's trade, " + std::to_string(days) + " days");
}

}  // namespace

void CaptureBenchmarks() {
  PrintHeading("capture of an existing backlog, and its size");
  SmallTransactions();
  OneLargeTransaction();
  DemoTrade();
}

}  // namespace trunkline::bench
