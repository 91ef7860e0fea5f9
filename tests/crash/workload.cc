#include "tests/crash/workload.h"

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "postgres/connection.h"
#include "tests/integration/load.h"
#include "tests/support/must.h"
#include "tests/support/program.h"

namespace trunkline::crash {
namespace {

using postgres::Connection;
using test::Must;
using test::Random;

constexpr std::chrono::milliseconds kPause{50};
constexpr int64_t kPausePerWriterMillis = 15;
constexpr std::chrono::seconds kEndPatience{120};
constexpr int64_t kNumbersPerWriter = 1'000'000;
constexpr test::LoadOptions kLoad{.two_phase = true, .truncate = true, .logical_messages = false};

int64_t Pick(Random& random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}
bool Chance(Random& random, int percent) { return Pick(random, 1, 100) <= percent; }

std::string Enter(int64_t number) {
  return "INSERT INTO crash.ledger VALUES (" + std::to_string(number) + "); ";
}

std::string TransactionalMessage(int64_t number) {
  return "SELECT pg_logical_emit_message(true, 'crash', 'number " + std::to_string(number) + "'); ";
}

// Enough rows that the source streams the transaction before it ends.
std::string Bulk(Random& random, int writer) {
  const std::string first = std::to_string(writer * 100'000 + Pick(random, 0, 2000));
  const std::string rows = std::to_string(Pick(random, 250, 600));
  return "INSERT INTO crash.bulk SELECT g, repeat(md5(g::text), 3) FROM generate_series(" + first +
         ", " + first + " + " + rows +
         ") g ON CONFLICT (id) DO UPDATE SET v = crash.bulk.v || 'x'; ";
}

// What DDL has made so far and may change again; by the one writer that uses it.
class Definitions {
 public:
  explicit Definitions(WorkloadOptions options) : options_(options) {}

  // Statements for the transaction of `number`. They may be rolled back: what is named is then not
  // there, and the next transaction that names it fails.
  std::string Redefine(Random& random, int64_t number) {
    const std::string n = std::to_string(number);
    if (Chance(random, 25)) return MakeTable(n);
    if (tables_.size() > 2 && Chance(random, 35)) return "DROP TABLE " + Take(&tables_) + "; ";
    if (options_.ddl_captured && columns_.size() > 2 && Chance(random, 40)) {
      const std::string column = Take(&columns_);
      if (Chance(random, 50)) return "ALTER TABLE crash.redefined DROP COLUMN " + column + "; ";
      return "ALTER TABLE crash.redefined RENAME " + column + " TO r" + n + "; ";
    }
    return AddColumn(n);
  }

 private:
  std::string MakeTable(const std::string& n) {
    const std::string table = "crash.\"made " + n + "\"";
    tables_.push_back(table);
    return "CREATE TABLE " + table + " (id integer PRIMARY KEY, v text); INSERT INTO " + table +
           " VALUES (1, 'new'); ";
  }
  // With a default for the rows that there are, and a row that shows it.
  std::string AddColumn(const std::string& n) {
    columns_.push_back("c" + n);
    return "ALTER TABLE crash.redefined ADD COLUMN c" + n + " integer DEFAULT " + n +
           "; INSERT INTO crash.redefined (id) VALUES (" + n + "); ";
  }
  // The oldest: it has been in some states.
  static std::string Take(std::deque<std::string>* names) {
    std::string name = std::move(names->front());
    names->pop_front();
    return name;
  }

  const WorkloadOptions options_;
  std::deque<std::string> tables_;
  std::deque<std::string> columns_;
};

std::string Statements(Random& random) {
  std::string sql;
  bool in_savepoint = false;
  for (int64_t count = Pick(random, 1, 5); count > 0; --count) {
    if (!in_savepoint && Chance(random, 20)) {
      sql += "SAVEPOINT s; ";
      in_savepoint = true;
    }
    sql += test::RandomStatement(random, kLoad) + "; ";
    if (in_savepoint && Chance(random, 50)) {
      sql += "RELEASE SAVEPOINT s; ";
      in_savepoint = false;
    }
  }
  return sql;
}

}  // namespace

class Workload::Writer {
 public:
  Writer(const Target* target, int index, int writers, uint64_t seed, WorkloadOptions options)
      : target_(target),
        index_(index),
        longest_pause_(kPausePerWriterMillis * writers),
        random_(seed),
        definitions_(options) {}

  void Run(const std::atomic<bool>& stop) {
    while (!stop) {
      if (Connected()) {
        Transact();
        // Leaves the machine to those who are under test, however many writers there are.
        std::this_thread::sleep_for(std::chrono::milliseconds(Pick(random_, 0, longest_pause_)));
      } else {
        std::this_thread::sleep_for(kPause);
      }
    }
    // A source that does not come back is a trial broken off.
    test::Eventually(kEndPatience, [this] { return Connected() && EndPrepared(); });
  }

  const Ledger& ledger() const { return ledger_; }

 private:
  std::string Gid(int64_t number) const {
    return "writer " + std::to_string(index_) + ": " + std::to_string(number);
  }

  int64_t NextNumber() { return index_ * kNumbersPerWriter + ++last_number_; }

  // Connects where there is no connection, and ends what an earlier one left prepared.
  bool Connected() {
    if (connection_.has_value() && PQstatus(connection_->get()) == CONNECTION_OK) return true;
    connection_.reset();
    Result<Connection> connection =
        Connection::Open(target_->Get(), postgres::Mode::kNormal, "trunkline-crash");
    if (!connection) return false;
    connection_.emplace(std::move(*connection));
    const auto ready = connection_->Exec(
        "SET search_path = pg_catalog; SET lock_timeout = '300ms'; SET deadlock_timeout = '50ms'; "
        "SET synchronous_commit = on");
    if (ready && EndPrepared()) return true;
    connection_.reset();
    return false;
  }

  bool EndPrepared() {
    if (!connection_.has_value()) return false;
    const std::string parameters[] = {Gid(0).substr(0, Gid(0).size() - 1)};
    const auto found = connection_->Exec(
        "SELECT gid FROM pg_prepared_xacts WHERE starts_with(gid, $1)", parameters);
    if (!found) return false;
    for (int row = 0; row < found->size(); ++row) {
      const std::string gid(found->at(row, 0));
      if (!Finish(std::stoll(gid.substr(parameters[0].size())), Chance(random_, 50))) return false;
    }
    return true;
  }

  // Ends the prepared transaction of `number`. False when it is not known how.
  bool Finish(int64_t number, bool commit) {
    const auto done = connection_->Exec(std::string(commit ? "COMMIT" : "ROLLBACK") + " PREPARED " +
                                        postgres::QuoteLiteral(Gid(number)));
    if (done) ledger_[number] = commit ? Fate::kCommitted : Fate::kRolledBack;
    return done.has_value();
  }

  void Transact() {
    if (Chance(random_, 5)) {
      static_cast<void>(connection_->Exec("SELECT pg_logical_emit_message(false, 'crash', 'loose " +
                                          std::to_string(NextNumber()) + "')"));
      return;
    }
    const int64_t number = NextNumber();
    enum { kCommit, kRollback, kPrepare } end = kCommit;
    if (Chance(random_, 8)) end = kRollback;
    if (Chance(random_, 7)) end = kPrepare;
    std::string sql = "BEGIN; " + Enter(number) + Content(number);
    if (Chance(random_, 5)) sql += TransactionalMessage(number);
    sql += end == kCommit     ? "COMMIT"
           : end == kRollback ? "ROLLBACK"
                              : "PREPARE TRANSACTION " + postgres::QuoteLiteral(Gid(number));
    ledger_[number] = end == kRollback ? Fate::kRolledBack : Fate::kUnknown;
    ledger_[-number] = Fate::kRolledBack;
    if (!connection_->Exec(sql)) {
      NoteFailure(number);
    } else if (end == kCommit) {
      ledger_[number] = Fate::kCommitted;
    } else if (end == kPrepare) {
      static_cast<void>(Finish(number, Chance(random_, 70)));
    }
  }

  std::string Content(int64_t number) {
    const std::string dropped = "SAVEPOINT d; " + Enter(-number) + Bulk(random_, index_) +
                                "ROLLBACK TO SAVEPOINT d; RELEASE SAVEPOINT d; ";
    if (Chance(random_, 8)) return dropped + Bulk(random_, index_) + Bulk(random_, index_);
    if (index_ == 0 && Chance(random_, 4)) return definitions_.Redefine(random_, number);
    return (Chance(random_, 5) ? dropped : "") + Statements(random_);
  }

  // A server that lives to report an error has rolled back: COMMIT came last.
  void NoteFailure(int64_t number) {
    const auto rolled_back = connection_->Exec("ROLLBACK");
    if (rolled_back) {
      ledger_[number] = Fate::kRolledBack;
    } else {
      connection_.reset();
    }
  }

  const Target* const target_;
  const int index_;
  const int64_t longest_pause_;  // in ms
  Random random_;
  Definitions definitions_;
  std::optional<Connection> connection_;
  int64_t last_number_ = 0;
  Ledger ledger_;
};

void CreateWorkloadSchema(const std::string& conninfo) {
  test::CreateLoadSchema(conninfo);
  test::Session(conninfo).Do(
      "CREATE SCHEMA crash; CREATE TABLE crash.ledger (n bigint PRIMARY KEY); "
      "CREATE TABLE crash.bulk (id integer PRIMARY KEY, v text); "
      "INSERT INTO crash.bulk SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 4000) g; "
      "CREATE TABLE crash.redefined (id bigint PRIMARY KEY)");
}

Workload::Workload(const std::string& conninfo, int writers, uint64_t seed, WorkloadOptions options)
    : target_(conninfo) {
  for (int i = 0; i < writers; ++i) {
    writers_.push_back(std::make_unique<Writer>(&target_, i, writers,
                                                seed * 100 + static_cast<uint64_t>(i), options));
    threads_.emplace_back([this, writer = writers_.back().get()] { writer->Run(stop_); });
  }
}

Workload::~Workload() { Stop(); }

void Workload::MoveTo(const std::string& conninfo) { target_.Set(conninfo); }

void Workload::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

Ledger Workload::ledger() const {
  Ledger all;
  for (const auto& writer : writers_) all.insert(writer->ledger().begin(), writer->ledger().end());
  return all;
}

}  // namespace trunkline::crash
